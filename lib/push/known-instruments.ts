/** Instruments heard of, at most; later ones are counted, not kept. */
const MAX_INSTRUMENTS = 500_000

/** The keys that clients may subscribe to before there is a quote: those of the watchlists and those that sources announced. */
export class KnownInstruments {
  readonly #keys: Set<string>
  /** Keys that found no room. */
  dropped = 0

  constructor(keys: Iterable<string>) {
    this.#keys = new Set(keys)
  }

  get size(): number {
    return this.#keys.size
  }

  has(key: string): boolean {
    return this.#keys.has(key)
  }

  add(keys: Iterable<string>): void {
    for (const key of keys) {
      if (this.#keys.size < MAX_INSTRUMENTS || this.#keys.has(key)) this.#keys.add(key)
      else this.dropped++
    }
  }
}
