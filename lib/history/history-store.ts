import type { Micros, Quote } from '../quote/quote.ts'

/** What an append did: `inserted + collapsed` is the number of quotes given. */
export interface AppendResult {
  inserted: number
  /** Quotes whose id was stored already. */
  collapsed: number
}

/** A range of one instrument's history, by observed time. */
export interface HistoryRange {
  key: string
  /** Inclusive. */
  from: Micros
  /** Exclusive. */
  to: Micros
  /** At most this many rows, 1 to 10,000. */
  limit: number
  /** `asc` is the default. */
  order?: 'asc' | 'desc'
}

/**
 * Every quote, once.
 *
 * `append` is atomic and idempotent: when it resolves all quotes are stored, each id once; when it rejects none need be, and the
 * same batch may be given again. `range` gives rows by observed time, then id; empty means that nothing is stored in the
 * range. Decimals come back digit for digit as they went in.
 */
export interface HistoryStore {
  append(quotes: readonly Quote[]): Promise<AppendResult>
  range(range: HistoryRange): Promise<Quote[]>
  /** The newest stored quote of every key and channel, to warm a board from; within the last `sinceMicros` only. */
  newest(since: Micros): Promise<Quote[]>
  /** The number of stored quotes, of one key or of all. */
  count(key?: string): Promise<number>
  close(): Promise<void>
}
