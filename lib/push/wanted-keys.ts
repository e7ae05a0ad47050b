/** Asks for the same key again after this time at the earliest. */
const ASK_AGAIN_MS = 60_000
const MAX_KEYS = 10_000
const MAX_PER_SECOND = 100

/**
 * Which of the keys that clients ask for, and nobody polls, are worth telling: each at most once a minute, and at most 100 per
 * second in all, because every telling goes to every node. What is held back is counted and told when a client asks again.
 */
export class WantedKeys {
  readonly #askedMs = new Map<string, number>()
  #secondBeganMs = 0
  #askedInSecond = 0
  heldBack = 0

  /** Whether to ask for the key now. */
  shouldAsk(key: string, nowMs: number): boolean {
    const askedMs = this.#askedMs.get(key)
    if (askedMs !== undefined && nowMs - askedMs < ASK_AGAIN_MS) return false
    if (nowMs - this.#secondBeganMs >= 1000) {
      this.#secondBeganMs = nowMs
      this.#askedInSecond = 0
    }
    if (this.#askedInSecond >= MAX_PER_SECOND) {
      this.heldBack++
      return false
    }
    this.#askedInSecond++
    this.#askedMs.delete(key)
    this.#askedMs.set(key, nowMs)
    if (this.#askedMs.size > MAX_KEYS) this.#askedMs.delete(this.#askedMs.keys().next().value!)
    return true
  }
}
