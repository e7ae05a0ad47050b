/** A bucket of `capacity` tokens that refills by `perSecond`: an average rate with a bounded burst. */
export class TokenBucket {
  readonly #perSecond: number
  readonly #capacity: number
  #tokens: number
  #lastMs: number

  constructor(perSecond: number, capacity: number, nowMs: number) {
    this.#perSecond = perSecond
    this.#capacity = capacity
    this.#tokens = capacity
    this.#lastMs = nowMs
  }

  /** Takes one token if there is one. @returns 0, or the milliseconds until there will be one. */
  take(nowMs: number): number {
    this.#tokens = Math.min(this.#capacity, this.#tokens + ((nowMs - this.#lastMs) * this.#perSecond) / 1000)
    this.#lastMs = nowMs
    if (this.#tokens >= 1) {
      this.#tokens -= 1
      return 0
    }
    return Math.ceil(((1 - this.#tokens) * 1000) / this.#perSecond)
  }
}
