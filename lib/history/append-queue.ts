import { QUOTES_PER_BATCH } from '../quote/position.ts'
import type { Quote } from '../quote/quote.ts'
import { StoreError } from '../store/store-error.ts'
import type { HistoryStore } from './history-store.ts'

/** Batches that may wait; the next is refused. Above what the stream leaves unacknowledged for one group. */
const MAX_WAITING = 1_024

/** Transactions under way at once: while the database works on one, the next is made ready. */
const LANES = 2

/** What an append queue did. */
export interface AppendCounters {
  /** Batches given. */
  batches: number
  /** Transactions that succeeded: the fewer than batches, the better the combining. */
  appends: number
  inserted: number
  /** Quotes whose id was stored already. */
  collapsed: number
  /** Batches rejected; the stream delivers them again. */
  failed: number
  /** Times that combined batches were refused together and then given one by one. */
  isolated: number
}

interface Waiting {
  quotes: readonly Quote[]
  resolve: () => void
  reject: (error: unknown) => void
}

/**
 * Appends batches that come while a transaction runs in the next one, up to 4096 quotes. A lone batch does not wait, and under
 * load the transactions grow with the database's delay, instead of one commit per batch. Only what fills a whole transaction may
 * run beside another: a backlog.
 */
export class AppendQueue {
  readonly counters: AppendCounters = { batches: 0, appends: 0, inserted: 0, collapsed: 0, failed: 0, isolated: 0 }
  readonly #store: Pick<HistoryStore, 'append'>
  readonly #maxWaiting: number
  readonly #waiting: Waiting[] = []
  #waitingQuotes = 0
  readonly #running = new Set<Promise<void>>()
  #lanes = 0
  #closed = false

  constructor(store: Pick<HistoryStore, 'append'>, maxWaiting = MAX_WAITING) {
    this.#store = store
    this.#maxWaiting = maxWaiting
  }

  /** Resolves when the batch is stored. Rejects with this batch's own error; others are not affected by a bad one. */
  append(quotes: readonly Quote[]): Promise<void> {
    this.counters.batches++
    return new Promise((resolve, reject) => {
      const refusal = this.#refusal()
      if (refusal !== undefined) {
        this.counters.failed++
        reject(refusal)
        return
      }
      this.#waiting.push({ quotes, resolve, reject })
      this.#waitingQuotes += quotes.length
      if (this.#mayOpen()) this.#open()
    })
  }

  /** Refuses what comes, waits for what is there. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(this.#running)
  }

  #refusal(): StoreError | undefined {
    if (this.#closed) return new StoreError('closed', 'the append queue was closed')
    if (this.#waiting.length < this.#maxWaiting) return undefined
    return new StoreError('busy', `${this.#maxWaiting} batches are waiting to be stored`)
  }

  #mayOpen(): boolean {
    return this.#lanes === 0 || (this.#lanes < LANES && this.#waitingQuotes >= QUOTES_PER_BATCH)
  }

  #open(): void {
    this.#lanes++
    const running = this.#run()
    this.#running.add(running)
    running.finally(() => this.#running.delete(running))
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const taken = this.#take()
      if (!(await this.#settle(taken))) {
        this.counters.isolated++
        for (const one of taken) await this.#settle([one])
      }
    }
    // At once, not when the promise is noticed: what comes in between must find the lane free.
    this.#lanes--
  }

  #take(): Waiting[] {
    let count = 0
    let quotes = 0
    for (const waiting of this.#waiting) {
      quotes += waiting.quotes.length
      if (count > 0 && quotes > QUOTES_PER_BATCH) break
      count++
    }
    const taken = this.#waiting.splice(0, count)
    for (const { quotes } of taken) this.#waitingQuotes -= quotes.length
    return taken
  }

  /** Appends batches together. @returns false, with none settled, when one of several is to blame and each must be tried alone. */
  async #settle(taken: readonly Waiting[]): Promise<boolean> {
    try {
      const { inserted, collapsed } = await this.#store.append(taken.flatMap(({ quotes }) => quotes))
      this.counters.appends++
      this.counters.inserted += inserted
      this.counters.collapsed += collapsed
      for (const { resolve } of taken) resolve()
    } catch (error) {
      const retryable = error instanceof StoreError && error.retryable
      if (taken.length > 1 && !retryable) return false
      this.counters.failed += taken.length
      for (const { reject } of taken) reject(error)
    }
    return true
  }
}
