import type { Pattern } from '../instruments/key-pattern.ts'
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
  /** A row of the range, stored or not: only what lies behind it in the order is wanted. */
  after?: HistoryCursor | undefined
}

/** The place of a quote among those of its instrument, by observed time, then id. */
export interface HistoryCursor {
  observedTime: Micros
  id: string
}

/** Which instruments' quotes of a moment are asked for. */
export interface AsOfQuery {
  /** At most 500. */
  keys: readonly string[]
  /** Inclusive. */
  since: Micros
  /** Exclusive. */
  before: Micros
}

/** Which instruments are asked for. */
export interface KeysQuery {
  /** Those that match one of these. */
  patterns: readonly Pattern[]
  /** The `next` of the page before; null for the first. */
  after: string | null
  /** At most this many, 1 to 10,000. */
  limit: number
}

/** Keys in the order of the store; `next` continues them, null when these were the last. A page may be empty and not the last. */
export interface KeysPage {
  keys: string[]
  next: string | null
}

/**
 * Every quote, once.
 *
 * `append` is atomic and idempotent: when it resolves all quotes are stored, each id once; when it rejects none need be, and the
 * same batch may be given again. `range` gives rows by observed time, then id; empty means that nothing is stored in the
 * range, and pages that each begin behind the last row of the one before give every row once, however many share a time. Decimals come
 * back digit for digit as they went in.
 */
export interface HistoryStore {
  append(quotes: readonly Quote[]): Promise<AppendResult>
  range(range: HistoryRange): Promise<Quote[]>
  /** The newest stored quote of every key and channel, to warm a board from; within the last `sinceMicros` only. */
  newest(since: Micros): Promise<Quote[]>
  /** The same of some keys as of a moment of the past. */
  asOf(query: AsOfQuery): Promise<Quote[]>
  /** The instruments of which something is, or once was, stored. */
  keys(query: KeysQuery): Promise<KeysPage>
  /** The number of stored quotes, of one key or of all. */
  count(key?: string): Promise<number>
  close(): Promise<void>
}
