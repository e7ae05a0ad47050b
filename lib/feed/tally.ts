/** Names beyond this many are counted as `other`: a venue's texts must not grow a map without end. */
const MAX_NAMES = 64

/** Counts by name. */
export class Tally {
  readonly #counts = new Map<string, number>()

  add(name: string, n = 1): void {
    const known = this.#counts.has(name) || this.#counts.size < MAX_NAMES
    const counted = known ? name : 'other'
    this.#counts.set(counted, (this.#counts.get(counted) ?? 0) + n)
  }

  read(): Record<string, number> {
    return Object.fromEntries(this.#counts)
  }
}
