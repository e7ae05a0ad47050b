/** So often on average, and so many at once. */
export interface Rate {
  readonly perSecond: number
  readonly burst: number
}

/**
 * How often each of many may do something: `perSecond` on average, `burst` at once. Remembers one number for each who did it lately,
 * and `capacity` at most: beyond, whoever has not tried for longest is forgotten, and may have another burst.
 */
export class KeyedRate {
  readonly #rate: Rate
  readonly #capacity: number
  /** By name: when everything that was done would have been due. The longest untouched comes first. */
  readonly #dueMs = new Map<string, number>()

  constructor(perSecond: number, burst: number, capacity = 10_000) {
    this.#rate = { perSecond, burst }
    this.#capacity = capacity
  }

  get size(): number {
    return this.#dueMs.size
  }

  /** Counts one more, unless it is one too many, by the rate of this one where it has its own. @returns 0, or the milliseconds until it may be tried again. */
  take(name: string, nowMs: number, { perSecond, burst }: Rate = this.#rate): number {
    const intervalMs = 1000 / perSecond
    // What was done by a slower rate is no greater debt than a whole burst by this one.
    const dueMs = Math.min(Math.max(this.#dueMs.get(name) ?? 0, nowMs), nowMs + burst * intervalMs)
    const waitMs = Math.max(0, Math.ceil(dueMs - nowMs - (burst - 1) * intervalMs))
    this.#dueMs.delete(name)
    this.#dueMs.set(name, waitMs > 0 ? dueMs : dueMs + intervalMs)
    if (this.#dueMs.size > this.#capacity) this.#dueMs.delete(this.#dueMs.keys().next().value!)
    return waitMs
  }
}
