import type { Micros } from '../quote/quote.ts'

/** A key that the venue does not know, and what it said. */
export interface QuarantinedKey {
  key: string
  message: string
  since: Micros
}

/** After this a key is tried again: it may have been listed. */
const RELEASE_AFTER: Micros = 3_600_000_000

const MAX_KEYS = 10_000

/**
 * Keeps keys that a venue refuses out of its requests, so that one bad symbol does not spoil the list that it is in.
 */
export class Quarantine {
  readonly #keys = new Map<string, QuarantinedKey>()

  add(key: string, message: string, now: Micros): void {
    if (!this.#keys.has(key) && this.#keys.size >= MAX_KEYS) {
      const [oldest] = this.#keys.keys()
      if (oldest !== undefined) this.#keys.delete(oldest)
    }
    this.#keys.set(key, { key, message, since: now })
  }

  /** The keys that may be asked for. */
  admit(keys: readonly string[], now: Micros): readonly string[] {
    if (this.#keys.size === 0) return keys
    return keys.filter(key => {
      const held = this.#keys.get(key)
      if (held === undefined) return true
      if (now - held.since < RELEASE_AFTER) return false
      this.#keys.delete(key)
      return true
    })
  }

  list(): QuarantinedKey[] {
    return [...this.#keys.values()]
  }
}
