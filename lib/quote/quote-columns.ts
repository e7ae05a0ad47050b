import type { BookFields, Micros, Quote, StatsFields, TradeFields } from './quote.ts'

/** A value for each quote, or one that all of them have. */
export type Column<T> = T | T[]

type Columns<T> = { [K in keyof T]: Column<T[K]> }

/**
 * Quotes that carry the same field groups, as columns of plain JSON.
 *
 * Where values repeat each other they are told by their difference: times by the step from the quote before or by what is to be
 * added to `receivedTime`, an id by what follows its `key|channel|`.
 */
export interface QuoteColumns extends Partial<Columns<TradeFields & BookFields & StatsFields>> {
  /** The number of quotes. */
  n: number
  /** The places of the quotes in their batch; absent where they are all of it. */
  at?: number[]
  /** The sum of the {@link CARRIES_TRADE}, … that apply. */
  groups: number
  /** `0`: `key|channel|seq`. A text: what follows `key|channel|`. An array of one: the id itself. */
  id: Column<0 | string | [string]>
  key: Column<string>
  status: Column<Quote['status']>
  seq: Column<Quote['seq']>
  seqKind: Column<Quote['seqKind']>
  /** To be added to `receivedTime`. */
  exchangeTime: Column<number | null>
  /** Steps; the first is the time itself. */
  receivedTime: Column<number>
  /** To be added to `receivedTime`. */
  observedTime: Column<number>
  /** Steps; the first is the time itself. */
  publishedTime: Column<number>
  kind: Column<Quote['src']['kind']>
  provider: Column<string>
  channel: Column<string>
  slot: Column<Micros | null>
  egress: Column<string | null>
}

export const CARRIES_TRADE = 1
export const CARRIES_BOOK = 2
export const CARRIES_STATS = 4

/** Tells values once where all are the same. @param values At least one. */
export function fold<T extends string | number | null | [string]>(values: T[]): Column<T> {
  const first = values[0] as T
  if (Array.isArray(first)) return values
  for (let index = 1; index < values.length; index++) if (values[index] !== first) return values
  return first
}

/** The values of `n` quotes. */
export function unfold<T>(column: Column<T> | undefined, n: number): T[] {
  return Array.isArray(column) ? column : new Array<T>(n).fill(column as T)
}
