import { monitorEventLoopDelay } from 'node:perf_hooks'

const RESOLUTION_MS = 20
const PERCENTILE = 90
const NS_PER_MS = 1e6

/** How long what is due waits for its turn of the event loop. */
export interface LoopDelay {
  /** Begins to measure. */
  start(): void
  /** What nine of ten waited at most since the last reading, in milliseconds, so that a single long turn among many is not seen. */
  readMs(): number
  /** Idempotent. */
  stop(): void
}

/** The delay of this process's event loop. */
export class SystemLoopDelay implements LoopDelay {
  readonly #histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })

  start(): void {
    this.#histogram.reset()
    this.#histogram.enable()
  }

  readMs(): number {
    // What is measured are the times between two samples.
    const ms = this.#histogram.count === 0 ? 0 : this.#histogram.percentile(PERCENTILE) / NS_PER_MS - RESOLUTION_MS
    this.#histogram.reset()
    return Math.max(0, ms)
  }

  stop(): void {
    this.#histogram.disable()
  }
}
