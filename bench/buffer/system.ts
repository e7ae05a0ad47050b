import type { Quote } from '../../lib/quote/quote.ts'

/** One way to carry batches of quotes from a process to another. */
export interface System {
  /** Resolves when the batch is taken, as far as the system tells. */
  publish(quotes: Quote[]): Promise<void>
  /** Calls back with every batch, as objects; what follows on it, such as an acknowledgement, is part of the system. */
  consume(onBatch: (quotes: readonly Quote[]) => void): Promise<void>
  close(): Promise<void>
}

/** What a system is reached by. */
export interface Place {
  /** `host:port` of nats-server. */
  nats: string
  /** `redis://…` */
  redis: string
}

export const STREAM_BYTES = 4 * 1024 ** 3
