import type { Quote } from '../quote/quote.ts'
import { ConfirmedIds } from './confirmed-ids.ts'
import type { Relay } from './relay.ts'
import { RelayError } from './relay-error.ts'
import { routingKey } from './routing-key.ts'

/** A message as a reader of {@link MemoryRelay} gets it. */
export interface MemoryMessage {
  id: string
  body: string
}

/** Takes one message, or refuses it by false. */
export type MemoryReader = (message: MemoryMessage) => boolean

const MAX_REMEMBERED = 65_536

/** A relay to readers in the same process. What it has handed to every reader is confirmed; it keeps nothing. */
export class MemoryRelay implements Relay {
  readonly #readers = new Set<MemoryReader>()
  readonly #confirmedIds = new ConfirmedIds(MAX_REMEMBERED)
  #closed = false

  /** From now on this reader gets every quote. */
  read(reader: MemoryReader): void {
    this.#readers.add(reader)
  }

  async publish(quotes: readonly Quote[]): Promise<void> {
    if (this.#closed) throw new RelayError('closed', 'the relay was closed')
    for (const { key } of quotes) routingKey(key)
    const due = this.#confirmedIds.without(quotes)
    if (due.length > 0 && this.#readers.size === 0) {
      const text = `nobody would get ${due.length} of ${quotes.length} quotes, the first of ${due[0]?.key}`
      throw new RelayError('unroutable', text, { unconfirmed: due })
    }
    const unconfirmed = due.filter(quote => !this.#handOver(quote))
    if (unconfirmed.length === 0) return this.#confirmedIds.remove(quotes)
    this.#confirmedIds.add(due, unconfirmed)
    throw new RelayError('refused', `a reader did not take ${unconfirmed.length} quotes`, { unconfirmed })
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#readers.clear()
  }

  #handOver(quote: Quote): boolean {
    const message = { id: quote.id, body: JSON.stringify(quote) }
    return [...this.#readers].map(reader => reader(message)).every(taken => taken)
  }
}
