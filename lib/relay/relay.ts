import type { Quote } from '../quote/quote.ts'

/**
 * Carries quotes to a message broker.
 *
 * `publish` resolves when the broker has taken every quote of the batch into its keeping, and rejects when it has not confirmed
 * all: the same batch may then be published again, and what was confirmed already is left out as far as it is remembered. So each quote
 * arrives at least once, under its own id, and in no order. An empty batch is confirmed at once. Any number of batches may be under way;
 * messages that wait for their confirmation are bounded, and the batches wait for room.
 *
 * A broker that goes away rejects what is under way; later calls find it again by themselves. `close` rejects what is under way and is
 * idempotent.
 * @throws RelayError
 */
export interface Relay {
  publish(quotes: readonly Quote[]): Promise<void>
  close(): Promise<void>
}

/** What a relay did. */
export interface RelayCounters {
  /** Quotes that the broker confirmed. */
  confirmed: number
  /** Quotes that came again and were left out, as the broker had confirmed them. */
  spared: number
  /** Quotes that nobody would have got: given up with `unroutable=drop`, else to come again. */
  returned: number
  /** Quotes that the broker refused. */
  nacked: number
  /** Quotes that were not confirmed because the connection ended. */
  lost: number
  /** Connections after the first. */
  reconnects: number
  /** Attempts to connect that failed. */
  failedConnects: number
}

export function newRelayCounters(): RelayCounters {
  return { confirmed: 0, spared: 0, returned: 0, nacked: 0, lost: 0, reconnects: 0, failedConnects: 0 }
}
