import type { FetchDue } from '../quote/events.ts'
import type { Clock } from './clock.ts'
import type { Job } from './job.ts'
import { SHORTEST_WINDOW_MS } from './slots.ts'

export interface WantedStats {
  asked: number
  sent: number
  /** Fetches that ended, whatever their outcome. */
  ended: number
  /** Refused: asked for too often. */
  limited: number
  /** Refused: in no watchlist that is polled. */
  unknown: number
  /** Could not be handed to the work queue. */
  failed: number
}

/** Fetches out of turn in one second, over all keys. */
const MAX_PER_SECOND = 10

/** Answers requests for single keys: at most one fetch a second for each, and ten for all. */
export class WantedKeys {
  /** The job that polls a key first. */
  readonly #jobOf = new Map<string, Job>()
  readonly #clock: Clock
  /** The second in which a key was fetched last; bounded by the keys of all jobs. */
  readonly #lastSecond = new Map<string, number>()
  readonly #stats: WantedStats = { asked: 0, sent: 0, ended: 0, limited: 0, unknown: 0, failed: 0 }
  #second = 0
  #inSecond = 0

  constructor(jobs: readonly Job[], clock: Clock) {
    this.#clock = clock
    for (const job of jobs) {
      for (const key of job.keys) if (!this.#jobOf.has(key)) this.#jobOf.set(key, job)
    }
  }

  /**
   * The fetch that answers a request, or undefined when it is refused. Its slot is the full second, so that two
   * schedulers send the same.
   */
  take(key: string): FetchDue | undefined {
    this.#stats.asked++
    const job = this.#jobOf.get(key)
    if (job === undefined) {
      this.#stats.unknown++
      return undefined
    }
    const second = Math.floor(this.#clock.now() / 1_000_000)
    if (second !== this.#second) {
      this.#second = second
      this.#inSecond = 0
    }
    if (this.#inSecond >= MAX_PER_SECOND || this.#lastSecond.get(key) === second) {
      this.#stats.limited++
      return undefined
    }
    this.#inSecond++
    this.#lastSecond.set(key, second)
    this.#stats.sent++
    const slot = second * 1_000_000
    return {
      job: PREFIX + key,
      source: job.source,
      request: { channel: job.channel, keys: [key] },
      slot,
      deadline: slot + 2 * SHORTEST_WINDOW_MS * 1_000
    }
  }

  /** A fetch ended. @returns whether it was one of these. */
  done(job: string): boolean {
    if (!job.startsWith(PREFIX)) return false
    this.#stats.ended++
    return true
  }

  failed(): void {
    this.#stats.failed++
  }

  stats(): WantedStats {
    return { ...this.#stats }
  }
}

/** Before a key, the name of its fetch; no source can be called so. */
const PREFIX = 'wanted:'
