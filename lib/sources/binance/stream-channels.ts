import { type BookNames, readBook, readLast, readStats, readTrade, type StatsNames } from './field-groups.ts'
import { type Payload, readMillis, readSequence } from './fields.ts'
import { byTime, type EntryReader, type Reading } from './make-quote.ts'

const BOOK: BookNames = { bid: 'b', bidSize: 'B', ask: 'a', askSize: 'A' }
/** `x` is the price of the trade before the window's first; REST calls the same value `prevClosePrice`. */
const STATS: StatsNames = { open: 'o', high: 'h', low: 'l', prevClose: 'x', volume: 'v', turnover: 'q' }

/** A channel of the stream: how its entries are told from the same event of another market, and read. */
export interface StreamChannel extends EntryReader {
  /** Whether an entry has the spot form: the derivatives' streams use the same event names with other fields. */
  isSpot: (entry: Payload) => boolean
}

const common = { kind: 'ws', symbol: 's' } as const

/** Spot sends neither an event type nor a time; the update id changes with every update. */
export const bookTicker: StreamChannel = {
  ...common,
  channel: '@bookTicker',
  isSpot: entry => entry.e === undefined,
  read: entry => bySequence(readSequence(entry, 'u'), 'u', { fields: readBook(entry, BOOK), status: 'unknown' })
}

/** `M` (of no meaning) is in every trade of spot and in none of the derivatives. */
const trade: StreamChannel = {
  ...common,
  channel: '@trade',
  isSpot: entry => entry.M !== undefined,
  read: entry => ({
    ...bySequence(readSequence(entry, 't'), 't', { fields: readTrade(entry, 'p', 'q'), status: 'trading' }),
    exchangeTime: readMillis(entry, 'T')
  })
}

const ticker: StreamChannel = {
  ...common,
  channel: '@ticker',
  isSpot: entry => entry.x !== undefined && entry.B !== undefined,
  read: entry =>
    byTime(readMillis(entry, 'E'), {
      ...readTrade(entry, 'c', 'Q'),
      ...readBook(entry, BOOK),
      ...readStats(entry, STATS)
    })
}

/** USD-M futures send the same fields: only the address tells the markets apart. COIN-M adds `ps`. */
const miniTicker: StreamChannel = {
  ...common,
  channel: '@miniTicker',
  isSpot: entry => entry.ps === undefined,
  read: entry =>
    byTime(readMillis(entry, 'E'), { ...readLast(entry, 'c'), ...readStats(entry, { ...STATS, prevClose: null }) })
}

/** The channels that become quotes, by the event type `e` of their frames. */
export const CHANNEL_OF_EVENT: ReadonlyMap<unknown, StreamChannel> = new Map([
  ['trade', trade],
  ['24hrTicker', ticker],
  ['24hrMiniTicker', miniTicker],
  ['bookTicker', bookTicker]
])

/** What can be subscribed to. */
export const STREAM_CHANNELS: readonly string[] = [...CHANNEL_OF_EVENT.values()].map(({ channel }) => channel)

function bySequence(seq: string, seqKind: string, rest: Pick<Reading, 'fields' | 'status'>): Reading {
  return { identity: { sequence: seq, seqKind }, sequence: { seq, seqKind }, exchangeTime: null, ...rest }
}
