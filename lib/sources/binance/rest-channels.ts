import type { Observation } from '../source.ts'
import { type BookNames, readBook, readLast, readStats, readTrade, type StatsNames } from './field-groups.ts'
import { BadField, isGiven, type Payload, readMillis } from './fields.ts'
import { byTime, type EntryReader, type Reading } from './make-quote.ts'

const BOOK: BookNames = { bid: 'bidPrice', bidSize: 'bidQty', ask: 'askPrice', askSize: 'askQty' }
const STATS: StatsNames = {
  open: 'openPrice',
  high: 'highPrice',
  low: 'lowPrice',
  prevClose: 'prevClosePrice',
  volume: 'volume',
  turnover: 'quoteVolume'
}

const common = { kind: 'rest', symbol: 'symbol' } as const

const price: EntryReader = {
  ...common,
  channel: 'price',
  read: (entry, seen) => byRequest(seen, readLast(entry, 'price'))
}

const bookTicker: EntryReader = {
  ...common,
  channel: 'bookTicker',
  read: (entry, seen) => byRequest(seen, readBook(entry, BOOK))
}

/** `closeTime` is the only time the venue gives; `lastId` changes with trades only, so it is no sequence of this channel. */
const dayTicker: EntryReader = {
  ...common,
  channel: '24hr',
  read: entry =>
    byTime(readMillis(entry, 'closeTime'), {
      ...readTrade(entry, 'lastPrice', 'lastQty'),
      ...readDayBook(entry),
      ...readStats(entry, STATS)
    })
}

/**
 * The short form has no book, so it carries none: nulls would hide the book of another channel. The derivatives have none either,
 * but the size of the last trade.
 */
function readDayBook(entry: Payload): Reading['fields'] {
  if (isGiven(entry, BOOK.bid) || isGiven(entry, BOOK.ask)) return readBook(entry, BOOK)
  if (isGiven(entry, 'lastQty')) throw new BadField('missing_field', BOOK.bid)
  return {}
}

/** The REST channels that become quotes. */
export const REST_READERS: ReadonlyMap<string, EntryReader> = new Map(
  [price, bookTicker, dayTicker].map(reader => [reader.channel, reader])
)

/** The body has neither time nor sequence: a scheduled fetch is known by its slot, any other never collapses. */
function byRequest(seen: Observation, fields: Reading['fields']): Reading {
  const { slot, connection } = seen
  const identity = slot === null ? { connection, counter: seen.nextCounter() } : { slot }
  return { identity, sequence: null, exchangeTime: null, status: 'unknown', fields }
}
