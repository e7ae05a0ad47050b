import type { Clock } from './clock.ts'
import type { PlaybackHistory } from './playback-history.ts'
import type { PushCounters } from './push-counters.ts'

const FIRST_PAUSE_MS = 100
const LAST_PAUSE_MS = 5_000

export interface PlaybackReadsDeps {
  readonly history: PlaybackHistory
  readonly clock: Clock
  readonly counters: PushCounters
  /** Reads of this gateway at a time. */
  readonly maxReads: number
  /** How long a read is tried again before it is given up. */
  readonly retryMs: number
}

/** Reading was given up; `cause` is what the last attempt failed with. */
export class HistoryUnreadable extends Error {
  constructor(cause: unknown) {
    super(`expected to read the history within its time, got ${cause}`, { cause })
    this.name = 'HistoryUnreadable'
  }
}

/** Reads history for all playbacks of a gateway: few at a time, each again and again while that fails. */
export class PlaybackReads {
  readonly #deps: PlaybackReadsDeps
  #running = 0
  /** In the order of their coming; each playback waits for one read at most. */
  readonly #waiting = new Set<() => void>()

  constructor(deps: PlaybackReadsDeps) {
    this.#deps = deps
  }

  /** @throws HistoryUnreadable, or the signal's reason */
  async read<T>(work: (history: PlaybackHistory) => Promise<T>, signal: AbortSignal): Promise<T> {
    const { clock, counters, retryMs } = this.#deps
    const beganMs = clock.nowMs()
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LAST_PAUSE_MS, pauseMs * 2)) {
      try {
        return await this.#inTurn(work, signal)
      } catch (error) {
        signal.throwIfAborted()
        counters.playbackRetries++
        if (clock.nowMs() + pauseMs - beganMs > retryMs) throw new HistoryUnreadable(error)
      }
      await this.#pause(pauseMs, signal)
    }
  }

  async #inTurn<T>(work: (history: PlaybackHistory) => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted()
    if (this.#running >= this.#deps.maxReads) await this.#turn(signal)
    else this.#running++
    try {
      signal.throwIfAborted()
      return await work(this.#deps.history)
    } finally {
      // Whoever waits takes over the place.
      const [next] = this.#waiting
      if (next === undefined) this.#running--
      else next()
    }
  }

  /** Resolves with the place of a read that is over. */
  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(go)
        signal.removeEventListener('abort', stop)
      }
      const go = (): void => {
        leave()
        resolve()
      }
      const stop = (): void => {
        leave()
        reject(signal.reason)
      }
      this.#waiting.add(go)
      signal.addEventListener('abort', stop, { once: true })
    })
  }

  #pause(delayMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = this.#deps.clock.after(delayMs, () => {
        signal.removeEventListener('abort', stop)
        resolve()
      })
      const stop = (): void => {
        cancel()
        reject(signal.reason)
      }
      signal.addEventListener('abort', stop, { once: true })
    })
  }
}
