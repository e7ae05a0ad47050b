import { setTimeout as delay } from 'node:timers/promises'
import { QUOTES_PER_BATCH } from '../quote/position.ts'
import type { Quote } from '../quote/quote.ts'
import { StoreError } from '../store/store-error.ts'
import type { AppendResult, HistoryStore } from './history-store.ts'

export interface AppendQueueOptions {
  /** Batches that may wait; the next is refused. */
  maxWaiting: number
  /** The pause before a store that is away is tried again: doubled every time, up to the cap. */
  retryBaseMs: number
  retryCapMs: number
  /** Called when the store begins to be away, with why. */
  onAway: (error: StoreError) => void
  /** Called when it is back. */
  onBack: () => void
}

const DEFAULTS = {
  // Above what the stream leaves unacknowledged for one group.
  maxWaiting: 1_024,
  retryBaseMs: 100,
  retryCapMs: 1_000,
  onAway: () => undefined,
  onBack: () => undefined
} as const satisfies AppendQueueOptions

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
  /** Transactions tried again because the store was away. */
  retried: number
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
 *
 * While the store is away (an error that says `retryable`) what was taken stays here and is tried again, so that storing goes on as
 * soon as it is back, and the batches do not travel to and fro meanwhile.
 */
export class AppendQueue {
  readonly counters: AppendCounters = newCounters()
  readonly #store: Pick<HistoryStore, 'append'>
  readonly #options: AppendQueueOptions
  readonly #waiting: Waiting[] = []
  #waitingQuotes = 0
  readonly #running = new Set<Promise<void>>()
  #lanes = 0
  #isAway = false
  readonly #released = new AbortController()
  #closed = false

  constructor(store: Pick<HistoryStore, 'append'>, options: Partial<AppendQueueOptions> = {}) {
    this.#store = store
    this.#options = Object.freeze({ ...DEFAULTS, ...options })
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
      if (this.#lanes < LANES && this.#mayRunBeside(this.#lanes)) this.#open()
    })
  }

  /** From now on what cannot be stored at once is rejected: the stream has to keep it. Idempotent. */
  release(): void {
    this.#released.abort()
  }

  /** Refuses what comes, waits for what is there as far as the store takes it. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true
    this.release()
    await Promise.all(this.#running)
  }

  #refusal(): StoreError | undefined {
    if (this.#closed) return new StoreError('closed', 'the append queue was closed')
    const { maxWaiting } = this.#options
    if (this.#waiting.length < maxWaiting) return undefined
    return new StoreError('busy', `${maxWaiting} batches are waiting to be stored`)
  }

  #mayRunBeside(others: number): boolean {
    return others === 0 || this.#waitingQuotes >= QUOTES_PER_BATCH
  }

  #open(): void {
    this.#lanes++
    const running = this.#run()
    this.#running.add(running)
    running.finally(() => this.#running.delete(running))
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0 && this.#mayRunBeside(this.#lanes - 1)) {
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
      const { inserted, collapsed } = await this.#appendUntilBack(taken.flatMap(({ quotes }) => quotes))
      this.counters.appends++
      this.counters.inserted += inserted
      this.counters.collapsed += collapsed
      for (const { resolve } of taken) resolve()
    } catch (error) {
      if (taken.length > 1 && !isRetryable(error)) return false
      this.counters.failed += taken.length
      for (const { reject } of taken) reject(error)
    }
    return true
  }

  async #appendUntilBack(quotes: readonly Quote[]): Promise<AppendResult> {
    const { retryBaseMs, retryCapMs } = this.#options
    const { signal } = this.#released
    for (let attempt = 0; ; attempt++) {
      try {
        const result = await this.#store.append(quotes)
        this.#setAway(undefined)
        return result
      } catch (error) {
        if (!isRetryable(error) || signal.aborted) throw error
        this.#setAway(error)
        this.counters.retried++
        const pauseMs = Math.min(retryCapMs, retryBaseMs * 2 ** Math.min(attempt, 20))
        await delay(pauseMs, undefined, { signal }).catch(() => undefined)
      }
    }
  }

  #setAway(error: StoreError | undefined): void {
    const isAway = error !== undefined
    if (isAway === this.#isAway) return
    this.#isAway = isAway
    if (isAway) this.#options.onAway(error)
    else this.#options.onBack()
  }
}

function isRetryable(error: unknown): error is StoreError {
  return error instanceof StoreError && error.retryable
}

function newCounters(): AppendCounters {
  return { batches: 0, appends: 0, inserted: 0, collapsed: 0, failed: 0, retried: 0, isolated: 0 }
}
