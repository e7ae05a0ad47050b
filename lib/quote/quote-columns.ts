import type { Column, TextColumn } from './column.ts'
import type { Micros, Quote, StatsWindow, ValueField } from './quote.ts'

type TextColumns = Record<Exclude<ValueField, 'window'>, TextColumn>

/**
 * Quotes that carry the same field groups, as columns of plain JSON.
 *
 * Where values repeat each other they are told by their difference: times by the step from the quote before or by what is to be
 * added to `receivedTime`, an id by what follows its `key|channel|`.
 */
export interface QuoteColumns extends Partial<TextColumns> {
  /** The number of quotes. */
  n: number
  /** The places of the quotes in their batch; absent where they are all of it. */
  at?: number[]
  /** The sum of the {@link CARRIES_TRADE}, … that apply. */
  groups: number
  /** `0`: `key|channel|seq`. A text: what follows `key|channel|`. An array of one: the id itself. */
  id: Column<0 | string | [string]>
  key: Column<string>
  window?: Column<StatsWindow | null>
  status: Column<Quote['status']>
  seq: TextColumn
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
export const CARRIES_ALL = CARRIES_TRADE | CARRIES_BOOK | CARRIES_STATS
