import type { BoardRow, Candidate } from '../quote/board.ts'
import { StoreError } from '../store/store-error.ts'
import type { LatestStore } from './latest-store.ts'

export interface GatheringOptions {
  /** From the begin of one merge to that of the next, in milliseconds, unless {@link fullBatches} or {@link fullCandidates} wait. */
  intervalMs: number
  /** Batches that wait for no interval. */
  fullBatches: number
  /** Candidates that wait for no interval; a merge takes no more of them, and at least one batch. */
  fullCandidates: number
  /** Batches that may wait; the next is refused. */
  maxWaiting: number
}

const DEFAULTS = {
  // An instrument that is quoted ten times a second is written four times.
  intervalMs: 250,
  // Half of what the stream lets run at once: it goes on delivering while these are merged.
  fullBatches: 64,
  fullCandidates: 8_192,
  // Above what the stream leaves unacknowledged for one group.
  maxWaiting: 1_024
} as const satisfies GatheringOptions

/** What the gathering did. */
export interface GatheringCounters {
  /** Merges that succeeded: the fewer than batches, the better the gathering. */
  merges: number
  /** Times that gathered batches were refused together and then given one by one. */
  isolated: number
}

export function newGatheringCounters(): GatheringCounters {
  return { merges: 0, isolated: 0 }
}

interface Waiting {
  candidates: readonly Candidate[]
  resolve: () => void
  reject: (error: unknown) => void
}

/**
 * A store whose merges are worth to be few, as one merge of many batches writes only the newest candidate of each field: what comes
 * soon after a merge waits for the next. A lone batch is merged at once. A `merge` resolves when the store has merged its batch, and
 * rejects with this batch's own error; others are not affected by a bad one.
 */
export class GatheredLatest implements LatestStore {
  readonly #store: LatestStore
  readonly #counters: GatheringCounters
  readonly #options: GatheringOptions
  readonly #waiting: Waiting[] = []
  #waitingCandidates = 0
  #running: Promise<void> | undefined
  /** Until it ends only what is full is merged. */
  #interval: NodeJS.Timeout | undefined
  #isClosing = false
  #closed: Promise<void> | undefined

  /** Takes over a store; `close` closes it. */
  constructor(store: LatestStore, counters = newGatheringCounters(), options: Partial<GatheringOptions> = {}) {
    this.#store = store
    this.#counters = counters
    this.#options = Object.freeze({ ...DEFAULTS, ...options })
  }

  async merge(candidates: readonly Candidate[]): Promise<void> {
    if (this.#isClosing) throw new StoreError('closed', 'the latest store was closed')
    if (candidates.length === 0) return
    const { maxWaiting } = this.#options
    if (this.#waiting.length >= maxWaiting)
      throw new StoreError('busy', `${maxWaiting} batches are waiting to be merged`)
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push({ candidates, resolve, reject })
      this.#waitingCandidates += candidates.length
      this.#next()
    })
  }

  rows(keys: readonly string[]): Promise<BoardRow[]> {
    return this.#store.rows(keys)
  }

  keys(): Promise<string[]> {
    return this.#store.keys()
  }

  /** Refuses what comes, and merges what is there at once. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#finish()
    return this.#closed
  }

  async #finish(): Promise<void> {
    this.#isClosing = true
    this.#next()
    while (this.#running !== undefined) await this.#running
    clearTimeout(this.#interval)
    await this.#store.close()
  }

  #next(): void {
    if (this.#running !== undefined || this.#waiting.length === 0 || !this.#isDue()) return
    clearTimeout(this.#interval)
    this.#interval = setTimeout(() => {
      this.#interval = undefined
      this.#next()
    }, this.#options.intervalMs)
    this.#running = this.#settle(this.#take()).finally(() => {
      this.#running = undefined
      this.#next()
    })
  }

  #isDue(): boolean {
    const { fullBatches, fullCandidates } = this.#options
    const isFull = this.#waiting.length >= fullBatches || this.#waitingCandidates >= fullCandidates
    return this.#interval === undefined || isFull || this.#isClosing
  }

  #take(): Waiting[] {
    let count = 0
    let candidates = 0
    for (const waiting of this.#waiting) {
      candidates += waiting.candidates.length
      if (count > 0 && candidates > this.#options.fullCandidates) break
      count++
    }
    const taken = this.#waiting.splice(0, count)
    for (const waiting of taken) this.#waitingCandidates -= waiting.candidates.length
    return taken
  }

  /** Merges batches together or, when one of them is to blame, each alone. Never rejects. */
  async #settle(taken: readonly Waiting[]): Promise<void> {
    try {
      await this.#store.merge(taken.flatMap(({ candidates }) => candidates))
      this.#counters.merges++
      for (const { resolve } of taken) resolve()
    } catch (error) {
      if (taken.length > 1 && !isOfStore(error)) await this.#isolate(taken)
      else for (const { reject } of taken) reject(error)
    }
  }

  /** Merges each alone. When the store goes away meanwhile, the others are told so at once: each would wait for its own ten seconds. */
  async #isolate(taken: readonly Waiting[]): Promise<void> {
    this.#counters.isolated++
    for (const [index, { candidates, resolve, reject }] of taken.entries()) {
      try {
        await this.#store.merge(candidates)
        this.#counters.merges++
        resolve()
      } catch (error) {
        reject(error)
        if (!isOfStore(error)) continue
        for (const other of taken.slice(index + 1)) other.reject(error)
        return
      }
    }
  }
}

/** Whether it is no batch that is to blame: what fails now may succeed later. */
function isOfStore(error: unknown): boolean {
  return error instanceof StoreError && error.retryable
}
