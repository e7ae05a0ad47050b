/** Growing, jittered delays between attempts: `firstMs` doubling to `maxMs`, each shortened at random by up to half. */
export class BackOff {
  readonly #firstMs: number
  readonly #maxMs: number
  readonly #random: () => number
  #attempts = 0

  constructor(firstMs: number, maxMs: number, random: () => number) {
    this.#firstMs = firstMs
    this.#maxMs = maxMs
    this.#random = random
  }

  /** The delay before the next attempt, in milliseconds. */
  next(): number {
    // Beyond 2^30 the cap holds for any sensible first delay.
    const full = Math.min(this.#maxMs, this.#firstMs * 2 ** Math.min(this.#attempts++, 30))
    return full * (1 - this.#random() / 2)
  }

  /** After a success: the next delay is the first one again. */
  reset(): void {
    this.#attempts = 0
  }
}
