const SLOT_MS = 5

/**
 * Items by due time on a ring of 5 ms slots: adding and taking cost the same however many there are, and one timer serves all.
 * An item is due at the first slot boundary at or after its time, at most `horizonMs` ahead.
 */
export class IntervalWheel<T> {
  readonly #slots: T[][]
  /** The first slot that was not taken yet, counted from time 0. */
  #cursor = 0
  #size = 0

  constructor(horizonMs: number) {
    this.#slots = Array.from({ length: Math.ceil(horizonMs / SLOT_MS) + 2 }, () => [])
  }

  get size(): number {
    return this.#size
  }

  /** @returns when it will really be due. */
  add(item: T, dueMs: number, nowMs: number): number {
    if (this.#size === 0) this.#cursor = Math.max(this.#cursor, Math.floor(nowMs / SLOT_MS))
    const wanted = Math.max(this.#cursor, Math.ceil(dueMs / SLOT_MS))
    const slot = Math.min(wanted, this.#cursor + this.#slots.length - 1)
    this.#slots[slot % this.#slots.length]!.push(item)
    this.#size++
    return slot * SLOT_MS
  }

  /** Takes out everything that is due. */
  take(nowMs: number): T[] {
    const due: T[] = []
    const end = Math.floor(nowMs / SLOT_MS)
    while (this.#cursor <= end && this.#size > 0) {
      const index = this.#cursor % this.#slots.length
      const items = this.#slots[index]!
      if (items.length > 0) {
        due.push(...items)
        this.#size -= items.length
        this.#slots[index] = []
      }
      this.#cursor++
    }
    return due
  }

  /** When the next item is due, or undefined when there is none. */
  nextDueMs(): number | undefined {
    if (this.#size === 0) return undefined
    for (let slot = this.#cursor; ; slot++) {
      if (this.#slots[slot % this.#slots.length]!.length > 0) return slot * SLOT_MS
    }
  }
}
