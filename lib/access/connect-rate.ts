/**
 * How often each of many may do something: `perSecond` on average, `burst` at once. Remembers one number for each who did it lately,
 * and `capacity` at most: beyond, whoever has not tried for longest is forgotten, and may have another burst.
 */
export class ConnectRate {
  readonly #intervalMs: number
  readonly #slackMs: number
  readonly #capacity: number
  /** By name: when everything that was done would have been due. The longest untouched comes first. */
  readonly #dueMs = new Map<string, number>()

  constructor(perSecond: number, burst: number, capacity = 10_000) {
    this.#intervalMs = 1000 / perSecond
    this.#slackMs = (burst - 1) * this.#intervalMs
    this.#capacity = capacity
  }

  get size(): number {
    return this.#dueMs.size
  }

  /** Counts one more, unless it is one too many. @returns 0, or the milliseconds until it may be tried again. */
  take(name: string, nowMs: number): number {
    const dueMs = Math.max(this.#dueMs.get(name) ?? 0, nowMs)
    const waitMs = Math.max(0, Math.ceil(dueMs - nowMs - this.#slackMs))
    this.#dueMs.delete(name)
    this.#dueMs.set(name, waitMs > 0 ? dueMs : dueMs + this.#intervalMs)
    if (this.#dueMs.size > this.#capacity) this.#dueMs.delete(this.#dueMs.keys().next().value!)
    return waitMs
  }
}
