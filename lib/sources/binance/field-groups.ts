import type { BookFields, StatsFields, TradeFields } from '../../quote/quote.ts'
import { BadField, type Payload, readOptionalPrice, readOptionalSize, readPrice } from './fields.ts'

// What a channel is about has to be there; the rest is null where the venue does not give it: its answers have grown over the years.

/** A trade; without a price there was none, and the size says nothing. */
export function readTrade(payload: Payload, last: string, lastSize: string): TradeFields {
  const price = readPrice(payload, last)
  const size = readOptionalSize(payload, lastSize)
  return { last: price, lastSize: price === null ? null : size }
}

/** A last price whose size the channel does not carry. */
export function readLast(payload: Payload, last: string): TradeFields {
  return { last: readPrice(payload, last), lastSize: null }
}

/** The names under which a channel sends the best bid and offer. */
export interface BookNames {
  readonly bid: string
  readonly bidSize: string
  readonly ask: string
  readonly askSize: string
}

/** The best bid and offer. An empty side is price 0 and quantity 0: its price becomes null, its size stays a real zero. */
export function readBook(payload: Payload, names: BookNames): BookFields {
  const bid = readPrice(payload, names.bid)
  const bidSize = readOptionalSize(payload, names.bidSize)
  const ask = readPrice(payload, names.ask)
  const askSize = readOptionalSize(payload, names.askSize)
  if (bid === null && bidSize !== null && bidSize !== '0')
    throw new BadField('bad_value', `${names.bid}: zero with a quantity`)
  if (ask === null && askSize !== null && askSize !== '0')
    throw new BadField('bad_value', `${names.ask}: zero with a quantity`)
  return { bid, bidSize, ask, askSize }
}

/** The names under which a channel sends the statistics; `prevClose` is null where it does not. */
export interface StatsNames {
  readonly open: string
  readonly high: string
  readonly low: string
  readonly prevClose: string | null
  readonly volume: string
  readonly turnover: string
}

/** Statistics of the last 24 hours. */
export function readStats(payload: Payload, names: StatsNames): StatsFields {
  return {
    open: readOptionalPrice(payload, names.open),
    high: readOptionalPrice(payload, names.high),
    low: readOptionalPrice(payload, names.low),
    prevClose: names.prevClose === null ? null : readOptionalPrice(payload, names.prevClose),
    volume: readOptionalSize(payload, names.volume),
    turnover: readOptionalSize(payload, names.turnover),
    window: 'rolling24h'
  }
}
