/** Lets a bounded number through at once, in order of arrival; those that wait are bounded too. */
export class Gate {
  readonly #size: number
  readonly #maxWaiting: number
  #inside = 0
  readonly #waiting: (() => void)[] = []

  constructor(size: number, maxWaiting: number) {
    this.#size = size
    this.#maxWaiting = maxWaiting
  }

  get inside(): number {
    return this.#inside
  }

  /**
   * @returns false when too many wait already; otherwise resolves when its turn has come, and {@link Gate.leave} must
   * follow.
   */
  async enter(): Promise<boolean> {
    if (this.#inside < this.#size) {
      this.#inside++
      return true
    }
    if (this.#waiting.length >= this.#maxWaiting) return false
    await new Promise<void>(resolve => this.#waiting.push(resolve))
    return true
  }

  leave(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#inside--
    else next()
  }
}
