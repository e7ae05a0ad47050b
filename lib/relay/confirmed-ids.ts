import type { Quote } from '../quote/quote.ts'

/**
 * The ids of quotes that the broker has confirmed although their batch failed, for when the batch comes again. Without them a queue that is
 * full would be filled by repetitions whenever it has room. At most `limit`; the oldest is forgotten first, and then sent again.
 */
export class ConfirmedIds {
  readonly #limit: number
  readonly #ids = new Set<string>()

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Those that are to be sent. */
  without(quotes: readonly Quote[]): readonly Quote[] {
    return this.#ids.size === 0 ? quotes : quotes.filter(({ id }) => !this.#ids.has(id))
  }

  /** After a batch failed. */
  add(quotes: readonly Quote[], unconfirmed: readonly Quote[]): void {
    const open = new Set(unconfirmed.map(({ id }) => id))
    for (const { id } of quotes) {
      if (!open.has(id)) this.#ids.add(id)
    }
    for (const id of this.#ids) {
      if (this.#ids.size <= this.#limit) break
      this.#ids.delete(id)
    }
  }

  /** After a batch was confirmed: it does not come again for our sake. */
  remove(quotes: readonly Quote[]): void {
    if (this.#ids.size === 0) return
    for (const { id } of quotes) this.#ids.delete(id)
  }
}
