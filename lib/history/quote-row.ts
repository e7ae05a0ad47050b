import { parseDecimal } from '../quote/decimal.ts'
import { carries, FIELD_GROUPS, type FieldGroup, GROUP_NAMES, type Quote } from '../quote/quote.ts'
import type { SqlRow, SqlTable, SqlValue } from '../store/sql-client.ts'
import { fullId } from './stored-id.ts'

/** The bits of the column `carried`. A value that was used stays what it is. */
const GROUP_BITS = { trade: 1, book: 2, stats: 4 } as const satisfies Record<FieldGroup, number>

/** Columns that hold a field of the quote itself, by column. */
const PLAIN = {
  status: 'status',
  seq: 'seq',
  seq_kind: 'seqKind',
  exchange_time: 'exchangeTime',
  received_time: 'receivedTime',
  observed_time: 'observedTime',
  published_time: 'publishedTime'
} as const satisfies Record<string, keyof Quote>

/** Columns that hold a field of a group, by field. */
const VALUES = {
  last: 'last_price',
  lastSize: 'last_size',
  bid: 'bid',
  bidSize: 'bid_size',
  ask: 'ask',
  askSize: 'ask_size',
  open: 'open_price',
  high: 'high_price',
  low: 'low_price',
  prevClose: 'prev_close',
  volume: 'volume',
  turnover: 'turnover',
  window: 'stats_window'
} as const satisfies Record<(typeof FIELD_GROUPS)[FieldGroup][number], string>

const PLAIN_COLUMNS = Object.entries(PLAIN) as [string, (typeof PLAIN)[keyof typeof PLAIN]][]

/** The table of quotes. */
export const QUOTES: SqlTable = {
  name: 'quotes',
  columns: [
    'instrument_id',
    'quote_id',
    'series_id',
    ...Object.keys(PLAIN),
    'slot',
    'egress',
    'carried',
    ...Object.values(VALUES)
  ]
}

/** The numbers under which a quote's instrument and series are kept. */
export interface SeriesIds {
  instrumentId: number
  seriesId: number
}

/** The row of a quote and its stored id, in the order of {@link QUOTES}. Spelled out, not by the maps: it is on the way of every quote. */
export function toRow(quote: Quote, id: string, { instrumentId, seriesId }: SeriesIds): SqlValue[] {
  const { src } = quote
  return [
    instrumentId,
    id,
    seriesId,
    quote.status,
    quote.seq,
    quote.seqKind,
    quote.exchangeTime,
    quote.receivedTime,
    quote.observedTime,
    quote.publishedTime,
    src.slot,
    src.egress,
    carriedBits(quote),
    quote.last ?? null,
    quote.lastSize ?? null,
    quote.bid ?? null,
    quote.bidSize ?? null,
    quote.ask ?? null,
    quote.askSize ?? null,
    quote.open ?? null,
    quote.high ?? null,
    quote.low ?? null,
    quote.prevClose ?? null,
    quote.volume ?? null,
    quote.turnover ?? null,
    quote.window ?? null
  ]
}

/** The order of the table's key: by instrument, then id. */
export function compareRows(a: readonly SqlValue[], b: readonly SqlValue[]): number {
  // By index: taking an array apart is a loop over it.
  const id = a[1] as string
  const otherId = b[1] as string
  return (a[0] as number) - (b[0] as number) || (id < otherId ? -1 : id > otherId ? 1 : 0)
}

function carriedBits(quote: Quote): number {
  const { trade, book, stats } = GROUP_BITS
  return (
    (carries(quote, 'trade') ? trade : 0) | (carries(quote, 'book') ? book : 0) | (carries(quote, 'stats') ? stats : 0)
  )
}

/** The quote of a row of {@link QUOTES} joined with its `instrument_key`, `kind`, `provider` and `channel`. */
export function fromRow(row: SqlRow): Quote {
  const key = String(row.instrument_key)
  const quote: Record<string, unknown> = { id: fullId(key, String(row.quote_id)), key }
  for (const [column, field] of PLAIN_COLUMNS) quote[field] = row[column]
  quote.src = { kind: row.kind, provider: row.provider, channel: row.channel, slot: row.slot, egress: row.egress }
  for (const group of GROUP_NAMES) {
    if ((Number(row.carried) & GROUP_BITS[group]) === 0) continue
    for (const field of FIELD_GROUPS[group]) {
      const value = row[VALUES[field]] ?? null
      quote[field] = value === null || field === 'window' ? value : parseDecimal(String(value))
    }
  }
  return quote as unknown as Quote
}
