import type { Quote } from '../quote/quote.ts'
import type { RelayError } from './relay-error.ts'

/** How a message ended. `returned`: nobody would get it. `lost`: the connection ended before the broker had said anything. */
export type Verdict = 'confirmed' | 'returned' | 'nacked' | 'lost'

/** What a session tells by itself. */
export interface SessionEvents {
  /** The connection takes messages again, after `send` has said that it does not. */
  onWritable(): void
  /** The connection ended, after every message was settled; told once, and not after `close`. */
  onLost(error: RelayError): void
}

/** One connection to a broker, until it ends. */
export interface BrokerSession {
  /** Messages that the broker takes before it confirms the first. */
  readonly maxUnconfirmed: number
  /**
   * Sends a quote; `settle` is called once, at once when the connection has ended. Whoever sends more than `maxUnconfirmed` is cut off.
   * @returns false when the connection's buffer is full now: this one is in it, the next one waits for `onWritable`.
   */
  send(quote: Quote, settle: (verdict: Verdict) => void): boolean
  /** Ends the connection; what is under way is `lost`. Idempotent. */
  close(): Promise<void>
}

/** How a relay finds its broker. */
export interface Broker {
  /** For messages, without credentials: `amqp://host:port`. */
  readonly name: string
  /** @throws RelayError `bad_quote` when a quote of this key has no place at the broker. */
  check(key: string): void
  /** @throws RelayError `connection_lost`, `denied`, `misdeclared` */
  connect(events: SessionEvents): Promise<BrokerSession>
}
