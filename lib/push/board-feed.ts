import type { Candidate } from '../quote/board.ts'
import { positionOf } from '../quote/position.ts'
import type { Quote } from '../quote/quote.ts'
import type { Clock } from './clock.ts'
import type { Hub } from './hub.ts'

/** A page of the snapshot; `next` continues it, null when it was the last. */
export interface SnapshotPage {
  candidates: Candidate[]
  next: string | null
}

export interface BoardFeedOptions {
  hub: Hub
  clock: Clock
  /** Gives the page behind `after`, from the beginning for null. May reject: it is asked again. */
  fetchPage: (after: string | null) => Promise<SnapshotPage>
  /** Told why the snapshot could not be loaded, before it is tried again. */
  onRetry: (error: unknown, attempt: number, delayMs: number) => void
  onReady?: () => void
}

const FIRST_RETRY_MS = 50
const LAST_RETRY_MS = 2000

/**
 * Keeps the hub's board in step with the stream: loads the snapshot when consuming begins, then applies every batch behind it.
 *
 * The snapshot may be newer than the position at which consuming begins, and not equally new for all keys. So the hub is told to
 * serve only when the stream has passed the newest position in the snapshot; from then on positions rise for every key.
 */
export class BoardFeed {
  readonly #options: BoardFeedOptions
  /** Resolves when no snapshot is being loaded. */
  #gate: Promise<void> = Promise.resolve()
  #open: () => void = () => {}
  /** Counts the calls of `begin`; only the last of them loads. */
  #generation = 0
  /** The position that the stream has to pass before clients are served; null while there is no complete snapshot. */
  #serveFrom: number | null = null
  #isLoading = false
  #isClosed = false
  #cancelDelay: () => void = () => {}

  constructor(options: BoardFeedOptions) {
    this.#options = options
  }

  /** Consuming begins behind stream sequence `after` of `epoch`: loads the snapshot. Batches wait until it is there. */
  begin({ epoch, after }: { epoch: string; after: number }): void {
    if (this.#isClosed) return
    const { hub } = this.#options
    hub.pause()
    this.#serveFrom = null
    // Everything in the batches up to `after` is in the snapshot.
    hub.board.restart(epoch, positionOf(after + 1, 0) - 1)
    if (!this.#isLoading) {
      this.#gate = new Promise(resolve => {
        this.#open = resolve
      })
      this.#isLoading = true
    }
    this.#cancelDelay()
    void this.#load(++this.#generation)
  }

  /** Applies a batch, after the snapshot when that is being loaded. Batches are to be given in stream order. */
  async accept(epoch: string, sequence: number, quotes: readonly Quote[]): Promise<void> {
    // Always through the gate: a batch must not overtake those that were waiting when it opened.
    do await this.#gate
    while (this.#isLoading)
    if (this.#isClosed) return
    const { hub } = this.#options
    if (epoch !== hub.board.epoch) {
      hub.counters.batchesOfOtherEpoch++
      return
    }
    hub.apply(quotes.map((quote, index) => ({ quote, epoch, q: positionOf(sequence, index) })))
    this.#serve()
  }

  close(): void {
    this.#isClosed = true
    this.#generation++
    this.#cancelDelay()
    this.#isLoading = false
    this.#open()
  }

  async #load(generation: number): Promise<void> {
    const { hub, fetchPage, onRetry } = this.#options
    for (let attempt = 1; generation === this.#generation; attempt++) {
      try {
        await this.#loadPages(generation, fetchPage)
        break
      } catch (error) {
        if (generation !== this.#generation) return
        const delayMs = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempt - 1, 10))
        hub.counters.snapshotRetries++
        onRetry(error, attempt, delayMs)
        await this.#delay(delayMs)
      }
    }
    if (generation !== this.#generation) return
    hub.counters.snapshotLoads++
    this.#serveFrom = hub.board.settle()
    this.#isLoading = false
    this.#open()
    this.#serve()
  }

  async #loadPages(generation: number, fetchPage: BoardFeedOptions['fetchPage']): Promise<void> {
    let after: string | null = null
    do {
      const page: SnapshotPage = await fetchPage(after)
      if (generation !== this.#generation) return
      // Merging is idempotent, so a page that is loaded again after a failure does no harm.
      for (const candidate of page.candidates) this.#options.hub.board.apply(candidate)
      after = page.next
    } while (after !== null)
  }

  #serve(): void {
    const { hub, onReady } = this.#options
    if (this.#serveFrom === null || hub.isReady || hub.board.position < this.#serveFrom) return
    hub.restart()
    onReady?.()
  }

  #delay(delayMs: number): Promise<void> {
    return new Promise(resolve => {
      const cancel = this.#options.clock.after(delayMs, resolve)
      this.#cancelDelay = () => {
        cancel()
        resolve()
      }
    })
  }
}
