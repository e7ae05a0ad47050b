import { QuoteClientError } from './client-error.ts'
import type { Row } from './row.ts'

/**
 * Rows on their way to one consumer that takes them one by one. While it is slow, rows of one instrument are merged into the
 * latest, with `p` of the first and the sum of `n`, so there are never more than instruments. A lossless queue merges nothing: with
 * more than `limit` rows it fails with `consumer_slow`.
 */
export class RowQueue<R extends Row> implements AsyncIterableIterator<R> {
  readonly #isLossless: () => boolean
  readonly #limit: number
  readonly #onDone: (queue: RowQueue<R>) => void
  readonly #rows = new Map<string | number, R>()
  /** Follows the map as it changes; looking for its first entry anew would walk over all that were taken. */
  #cursor = this.#rows.entries()
  #count = 0
  #error: QuoteClientError | null = null
  #isDone = false
  /** Calls of `next` that look again when something has changed. */
  #waiting: (() => void)[] = []

  constructor(isLossless: () => boolean, limit: number, onDone: (queue: RowQueue<R>) => void) {
    this.#isLossless = isLossless
    this.#limit = limit
    this.#onDone = onDone
  }

  push(rows: Iterable<R>): void {
    if (this.#isDone) return
    const isLossless = this.#isLossless()
    for (const row of rows) {
      if (isLossless) this.#rows.set(this.#count++, row)
      else this.#rows.set(row.key, merged(this.#rows.get(row.key), row))
    }
    if (isLossless && this.#rows.size > this.#limit) {
      this.#rows.clear()
      this.end(new QuoteClientError('consumer_slow', `expected at most ${this.#limit} rows`))
    }
    this.#wake()
  }

  /** Nothing more comes; what waits is still given out, then the error when there is one. */
  end(error: QuoteClientError | null = null): void {
    if (this.#isDone) return
    this.#isDone = true
    this.#error = error
    this.#onDone(this)
    this.#wake()
  }

  async next(): Promise<IteratorResult<R, undefined>> {
    for (;;) {
      const value = this.#take()
      if (value !== undefined) return { done: false, value }
      const error = this.#error
      this.#error = null
      if (error !== null) throw error
      if (this.#isDone) return { done: true, value }
      await new Promise<void>(resolve => this.#waiting.push(resolve))
    }
  }

  async return(): Promise<IteratorResult<R, undefined>> {
    this.#rows.clear()
    this.end()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #wake(): void {
    for (const look of this.#waiting.splice(0)) look()
  }

  #take(): R | undefined {
    if (this.#rows.size === 0) return undefined
    let next = this.#cursor.next()
    if (next.done) {
      this.#cursor = this.#rows.entries()
      next = this.#cursor.next()
    }
    if (next.done) return undefined
    const [key, row] = next.value
    this.#rows.delete(key)
    return row
  }
}

function merged<R extends Row>(waiting: R | undefined, row: R): R {
  if (waiting === undefined) return row
  const n = waiting.n === undefined ? undefined : waiting.n + (row.n ?? 1)
  return { ...row, p: waiting.p, n }
}
