import { QUOTES, toRow } from '../../lib/history/quote-row.ts'
import { storedId } from '../../lib/history/stored-id.ts'
import { FIELD_GROUPS, type Quote } from '../../lib/quote/quote.ts'
import { quotesCodec } from '../../lib/quote/quotes-codec.ts'
import type { SqlValue } from '../../lib/store/sql-client.ts'
import { fullBatches } from '../kit/full-quotes.ts'

const BATCH = 100

export const COLUMNS = QUOTES.columns.join(', ')

/** The same quotes in the forms that the ways of writing begin with. */
export interface Sample {
  count: number
  /** Batches of 100 as the stream holds them. */
  payloads: Buffer[]
  /** Rows of the table, in order of arrival. */
  rows: () => SqlValue[][]
}

/** Quotes with all 20 fields, or with those of the trade only. */
export function makeSample(count: number, carried: 'full' | 'trade'): Sample {
  const batches = fullBatches(count / BATCH, BATCH)
  if (carried === 'trade') for (const quote of batches.flat()) stripToTrade(quote)
  const payloads = batches.map(quotes => quotesCodec.encode({ source: 'bench', quotes }))
  return { count, payloads, rows: () => rowsOf(payloads.flatMap(payload => quotesCodec.decode(payload).quotes)) }
}

function stripToTrade(quote: Quote): void {
  for (const field of [...FIELD_GROUPS.book, ...FIELD_GROUPS.stats]) delete quote[field]
}

/** The history numbers instruments and series itself; without it they are numbered here. */
function rowsOf(quotes: readonly Quote[]): SqlValue[][] {
  const numbers = new Map<string, number>()
  return quotes.map(quote => {
    const number = numbers.get(quote.key) ?? numbers.size + 1
    numbers.set(quote.key, number)
    return toRow(quote, storedId(quote.key, quote.id), { instrumentId: number, seriesId: number })
  })
}
