/** Subscriptions that tick with every turn of the event loop tick so often, times the factor, while there is one. */
const TURN_MS = 25

/** Makes all intervals longer while the gateway has more to do than it can. */
export class Stretch {
  /** 1 while all is well. */
  factor = 1
  readonly #maxIntervalMs: number

  constructor(maxIntervalMs: number) {
    this.#maxIntervalMs = maxIntervalMs
  }

  /** How often a subscription with this interval ticks now. */
  of(intervalMs: number): number {
    if (this.factor === 1) return intervalMs
    return Math.min(this.#maxIntervalMs, Math.max(intervalMs, TURN_MS) * this.factor)
  }
}
