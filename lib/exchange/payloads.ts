import type { Pair, Snapshot } from './market.ts'
import { divide, formatUnits as text, type Units } from './units.ts'

/** The bodies of REST and the frames of the stream, in the venue's documented fields and their order. */

export function pricePayload(symbol: string, { last }: Snapshot): object {
  return { symbol, price: text(last) }
}

export function bookTickerPayload(symbol: string, { bid, bidSize, ask, askSize }: Snapshot): object {
  return { symbol, bidPrice: text(bid), bidQty: text(bidSize), askPrice: text(ask), askQty: text(askSize) }
}

/** `ticker/24hr`, type FULL. */
export function dayTickerPayload(symbol: string, now: Snapshot): object {
  return {
    symbol,
    priceChange: text(change(now)),
    priceChangePercent: changePercent(now),
    weightedAvgPrice: text(divide(now.turnover, now.volume)),
    prevClosePrice: text(now.prevClose),
    lastPrice: text(now.last),
    lastQty: text(now.lastSize),
    bidPrice: text(now.bid),
    bidQty: text(now.bidSize),
    askPrice: text(now.ask),
    askQty: text(now.askSize),
    openPrice: text(now.open),
    highPrice: text(now.high),
    lowPrice: text(now.low),
    volume: text(now.volume),
    quoteVolume: text(now.turnover),
    openTime: now.openTime,
    closeTime: now.closeTime,
    firstId: now.firstId,
    lastId: now.lastId,
    count: now.count
  }
}

/** `ticker/24hr`, type MINI. */
export function miniDayTickerPayload(symbol: string, now: Snapshot): object {
  return {
    symbol,
    openPrice: text(now.open),
    highPrice: text(now.high),
    lowPrice: text(now.low),
    lastPrice: text(now.last),
    volume: text(now.volume),
    quoteVolume: text(now.turnover),
    openTime: now.openTime,
    closeTime: now.closeTime,
    firstId: now.firstId,
    lastId: now.lastId,
    count: now.count
  }
}

export function tickerFrame(symbol: string, now: Snapshot): object {
  return {
    e: '24hrTicker',
    E: now.closeTime,
    s: symbol,
    p: text(change(now)),
    P: changePercent(now),
    w: text(divide(now.turnover, now.volume)),
    x: text(now.prevClose),
    c: text(now.last),
    Q: text(now.lastSize),
    b: text(now.bid),
    B: text(now.bidSize),
    a: text(now.ask),
    A: text(now.askSize),
    o: text(now.open),
    h: text(now.high),
    l: text(now.low),
    v: text(now.volume),
    q: text(now.turnover),
    O: now.openTime,
    C: now.closeTime,
    F: now.firstId,
    L: now.lastId,
    n: now.count
  }
}

export function miniTickerFrame(symbol: string, now: Snapshot): object {
  return {
    e: '24hrMiniTicker',
    E: now.closeTime,
    s: symbol,
    c: text(now.last),
    o: text(now.open),
    h: text(now.high),
    l: text(now.low),
    v: text(now.volume),
    q: text(now.turnover)
  }
}

export interface BookUpdate {
  symbol: string
  updateId: number
  bid: Units
  bidSize: Units
  ask: Units
  askSize: Units
}

export function bookTickerFrame({ symbol, updateId, bid, bidSize, ask, askSize }: BookUpdate): object {
  return { u: updateId, s: symbol, b: text(bid), B: text(bidSize), a: text(ask), A: text(askSize) }
}

export interface TradeUpdate {
  symbol: string
  tradeId: number
  last: Units
  lastSize: Units
  buyerWasMaker: boolean
}

export function tradeFrame({ symbol, tradeId, last, lastSize, buyerWasMaker }: TradeUpdate, nowMs: number): object {
  const [p, q] = [text(last), text(lastSize)]
  return { e: 'trade', E: nowMs, s: symbol, t: tradeId, p, q, T: nowMs, m: buyerWasMaker, M: true }
}

/** The combined form of a frame. */
export function combined(stream: string, data: object): string {
  return `{"stream":"${stream}","data":${JSON.stringify(data)}}`
}

const ASSET_PRECISION = 8

/** One entry of `exchangeInfo`, with the filters that say how a price is written. */
export function pairPayload({ symbol, base, quote, tickSize, lotSize }: Pair): object {
  return {
    symbol,
    status: 'TRADING',
    baseAsset: base,
    baseAssetPrecision: ASSET_PRECISION,
    quoteAsset: quote,
    quotePrecision: ASSET_PRECISION,
    quoteAssetPrecision: ASSET_PRECISION,
    orderTypes: [],
    icebergAllowed: false,
    ocoAllowed: false,
    isSpotTradingAllowed: true,
    isMarginTradingAllowed: false,
    filters: [
      { filterType: 'PRICE_FILTER', minPrice: text(tickSize), maxPrice: '1000000.00000000', tickSize: text(tickSize) },
      { filterType: 'LOT_SIZE', minQty: text(lotSize), maxQty: '9000000.00000000', stepSize: text(lotSize) }
    ],
    permissions: ['SPOT']
  }
}

function change({ last, open }: Snapshot): Units {
  return open === 0n ? 0n : last - open
}

/** Three decimals, e.g. `-95.960`. */
function changePercent(now: Snapshot): string {
  const thousandths = now.open === 0n ? 0n : (change(now) * 100_000n) / now.open
  const digits = (thousandths < 0n ? -thousandths : thousandths).toString().padStart(4, '0')
  return `${thousandths < 0n ? '-' : ''}${digits.slice(0, -3)}.${digits.slice(-3)}`
}
