import type { Decimal } from './decimal.ts'

/** Microseconds since the Unix epoch, an integer below 2^53. */
export type Micros = number

/** The last trade. */
export interface TradeFields {
  last: Decimal | null
  /** Base units or shares. */
  lastSize: Decimal | null
}

/** The best bid and offer. */
export interface BookFields {
  bid: Decimal | null
  /** Base units or shares. */
  bidSize: Decimal | null
  ask: Decimal | null
  /** Base units or shares. */
  askSize: Decimal | null
}

/** Statistics over `window`. */
export interface StatsFields {
  open: Decimal | null
  high: Decimal | null
  low: Decimal | null
  prevClose: Decimal | null
  /** Base units or shares. */
  volume: Decimal | null
  /** In the quote currency. */
  turnover: Decimal | null
  window: StatsWindow | null
}

export type StatsWindow = 'rolling24h' | 'session'

/** The field groups: a channel carries a group whole or not at all. */
export const FIELD_GROUPS = {
  trade: ['last', 'lastSize'],
  book: ['bid', 'bidSize', 'ask', 'askSize'],
  stats: ['open', 'high', 'low', 'prevClose', 'volume', 'turnover', 'window']
} as const satisfies { trade: (keyof TradeFields)[]; book: (keyof BookFields)[]; stats: (keyof StatsFields)[] }

export type FieldGroup = keyof typeof FIELD_GROUPS
export type ValueField = (typeof FIELD_GROUPS)[FieldGroup][number]

export const GROUP_NAMES = Object.keys(FIELD_GROUPS) as FieldGroup[]
export const VALUE_FIELDS = Object.values(FIELD_GROUPS).flat() as ValueField[]

export const STATUSES = ['trading', 'halted', 'suspended', 'preopen', 'closed', 'unknown'] as const
export type QuoteStatus = (typeof STATUSES)[number]

/** Where and how a quote was observed. */
export interface QuoteOrigin {
  kind: 'rest' | 'ws'
  /** The source's name in the configuration, e.g. `binance`. */
  provider: string
  /** The venue's own name of the channel (`bookTicker`, `@bookTicker`); one name for one way of observing a key. */
  channel: string
  /** The due time of the scheduled fetch, or null outside the schedule. */
  slot: Micros | null
  /** The label of the egress that carried the request, without credentials, or null. */
  egress: string | null
}

/**
 * One observation of one instrument: the record of every event, row, REST answer and frame.
 *
 * A field that is absent belongs to a group that the channel does not carry; `null` means carried but not known, and `"0"`
 * is a real zero. {@link carries} tells the groups.
 */
export interface Quote extends Partial<TradeFields>, Partial<BookFields>, Partial<StatsFields> {
  /** Deterministic: the same observation has the same id whoever makes it (see `quoteId`). */
  id: string
  /** `venue:type:symbol`. */
  key: string
  status: QuoteStatus
  /** The venue's sequence, a decimal integer text, or null. Ordered by length, then text. */
  seq: string | null
  /** Names the sequence; two sequences of different kinds do not compare. Null exactly when `seq` is. */
  seqKind: string | null
  /** The venue's own time, or null where it gives none; never filled from a local clock. */
  exchangeTime: Micros | null
  /** When the bytes were read from the socket. */
  receivedTime: Micros
  /** When the venue was seen to hold this: the frame's arrival, or for REST the moment the request was sent. */
  observedTime: Micros
  /** When the batch was handed to the buffer; 0 before. */
  publishedTime: Micros
  src: QuoteOrigin
}

/** Whether a quote carries a field group. */
export function carries(quote: Quote, group: FieldGroup): boolean {
  return quote[FIELD_GROUPS[group][0]] !== undefined
}
