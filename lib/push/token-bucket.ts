/** A bucket of `capacity` tokens that refills by `perSecond`: an average rate with a bounded burst. */
export class TokenBucket {
  #perSecond: number
  #capacity: number
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
    this.#refill(nowMs)
    if (this.#tokens >= 1) {
      this.#tokens -= 1
      return 0
    }
    return Math.ceil(((1 - this.#tokens) * 1000) / this.#perSecond)
  }

  /** Goes on at another rate with the tokens that are left: a change is no new burst. */
  change(perSecond: number, capacity: number, nowMs: number): void {
    this.#refill(nowMs)
    this.#perSecond = perSecond
    this.#capacity = capacity
    this.#tokens = Math.min(capacity, this.#tokens)
  }

  #refill(nowMs: number): void {
    this.#tokens = Math.min(this.#capacity, this.#tokens + ((nowMs - this.#lastMs) * this.#perSecond) / 1000)
    this.#lastMs = nowMs
  }
}
