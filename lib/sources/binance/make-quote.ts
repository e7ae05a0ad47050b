import type { BookFields, Micros, Quote, QuoteStatus, StatsFields, TradeFields } from '../../quote/quote.ts'
import { type Identity, quoteId } from '../../quote/quote-id.ts'
import type { Mapping, Observation, Refusal } from '../source.ts'
import { BadField, isPayload, type Payload, readText } from './fields.ts'

/** What one entry of a payload says of one instrument. */
export interface Reading {
  identity: Identity
  exchangeTime: Micros | null
  sequence: { seq: string; seqKind: string } | null
  /**
   * No market-data payload carries the status of the pair (`instruments` does): a trade that happened proves `trading`,
   * everything else can also be said of a halted pair and is `unknown`.
   */
  status: QuoteStatus
  fields: Partial<TradeFields & BookFields & StatsFields>
}

/** For channels without a sequence of their own: the venue's time, and the values, as two updates may share a millisecond. */
export function byTime(exchangeTime: Micros, fields: Reading['fields']): Reading {
  const identity: Identity = { exchangeTime, values: Object.values(fields) }
  return { identity, sequence: null, exchangeTime, status: 'unknown', fields }
}

/** How the entries of one channel are read. */
export interface EntryReader {
  kind: 'rest' | 'ws'
  channel: string
  /** The field with the venue's symbol. */
  symbol: string
  /** @throws BadField when the entry cannot become a quote. */
  read: (entry: Payload, seen: Observation) => Reading
}

/** Reads the entries of a payload: each becomes a quote or a refusal, whatever the others are. */
export function mapEntries(
  reader: EntryReader,
  entries: readonly unknown[],
  seen: Observation
): Extract<Mapping, { kind: 'quotes' }> {
  const quotes: Quote[] = []
  const refused: Refusal[] = []
  for (const entry of entries) {
    try {
      if (!isPayload(entry)) throw new BadField('bad_value', 'not an object')
      quotes.push(makeQuote(reader, entry, seen))
    } catch (error) {
      if (!(error instanceof BadField)) throw error
      refused.push({ code: error.code, symbol: symbolIn(entry, reader.symbol), detail: error.message })
    }
  }
  return { kind: 'quotes', quotes, refused }
}

function makeQuote({ kind, channel, symbol, read }: EntryReader, entry: Payload, seen: Observation): Quote {
  const venueSymbol = readText(entry, symbol)
  const key = seen.keyOf(venueSymbol)
  if (key === undefined) throw new BadField('unknown_symbol', 'not asked for')
  const { identity, exchangeTime, sequence, status, fields } = read(entry, seen)
  return {
    id: quoteId(key, channel, identity),
    key,
    status,
    seq: sequence?.seq ?? null,
    seqKind: sequence?.seqKind ?? null,
    exchangeTime,
    receivedTime: seen.receivedTime,
    observedTime: seen.observedTime,
    publishedTime: 0,
    src: {
      kind,
      provider: seen.provider,
      channel,
      slot: kind === 'rest' ? seen.slot : null,
      egress: seen.egress
    },
    ...fields
  }
}

function symbolIn(entry: unknown, field: string): string | null {
  const symbol = isPayload(entry) ? entry[field] : undefined
  return typeof symbol === 'string' ? symbol.slice(0, 64) : null
}
