const WINDOW_MS = 1000

/** Lets through so many per second as the gateway takes, the rest in turn; `maxWaiting` bounds it. */
export class Pacer {
  readonly #maxWaiting: number
  readonly #waiting: (() => void)[] = []
  #perSecond = 1
  /** What this window has left; it begins with the first that is let through. */
  #left = 1
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(maxWaiting: number) {
    this.#maxWaiting = maxWaiting
  }

  allow(perSecond: number): void {
    this.#left = this.#perSecond = perSecond
  }

  /** Runs it now or in turn. @returns false when too many wait. */
  run(work: () => void): boolean {
    if (this.#waiting.length >= this.#maxWaiting) return false
    this.#waiting.push(work)
    this.#next()
    return true
  }

  /** Forgets what waits. */
  clear(): void {
    clearTimeout(this.#timer)
    this.#waiting.length = 0
  }

  #next(): void {
    while (this.#left > 0) {
      const work = this.#waiting.shift()
      if (work === undefined) return
      this.#left--
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined
        this.#left = this.#perSecond
        this.#next()
      }, WINDOW_MS)
      work()
    }
  }
}
