import type { Market, Snapshot } from './market.ts'
import { bookTickerPayload, dayTickerPayload, miniDayTickerPayload, pairPayload, pricePayload } from './payloads.ts'
import { RestRefusal, readType, readWanted, refuseOthers, type Wanted } from './rest-query.ts'
import type { Limits } from './weight-meter.ts'

/** An endpoint: what a request weighs, and its answer. */
interface Endpoint {
  /** Never throws: a request that will be refused weighs as its form does. */
  weight: (query: URLSearchParams) => number
  /** @throws RestRefusal */
  answer: (query: URLSearchParams) => unknown
}

/** The market-data endpoints, by path. */
export type RestApi = ReadonlyMap<string, Endpoint>

/** Builds the endpoints over a market. */
export function createRestApi(market: Market, limits: Limits, now: () => number): RestApi {
  const tickers = (
    weight: Endpoint['weight'],
    known: readonly string[],
    payload: (symbol: string, snapshot: Snapshot, query: URLSearchParams) => object
  ): Endpoint => ({
    weight,
    answer: query => {
      refuseOthers(query, known)
      return eachWanted(market, readWanted(query), (symbol, snapshot) => payload(symbol, snapshot, query))
    }
  })
  const byForm = (query: URLSearchParams) => (query.has('symbol') ? 2 : 4)
  const symbols = ['symbol', 'symbols']

  return new Map<string, Endpoint>([
    ['/api/v3/ping', { weight: () => 1, answer: () => ({}) }],
    ['/api/v3/time', { weight: () => 1, answer: () => ({ serverTime: now() }) }],
    ['/api/v3/exchangeInfo', { weight: () => 20, answer: query => exchangeInfo(market, limits, now(), query) }],
    ['/api/v3/ticker/price', tickers(byForm, symbols, pricePayload)],
    ['/api/v3/ticker/bookTicker', tickers(byForm, symbols, bookTickerPayload)],
    [
      '/api/v3/ticker/24hr',
      tickers(dayTickerWeight, [...symbols, 'type'], (symbol, snapshot, query) =>
        readType(query) === 'MINI' ? miniDayTickerPayload(symbol, snapshot) : dayTickerPayload(symbol, snapshot)
      )
    ]
  ])
}

/** An unknown symbol fails the whole request, as at the venue. */
function eachWanted(market: Market, wanted: Wanted, payload: (symbol: string, snapshot: Snapshot) => object): unknown {
  const one = (symbol: string) => {
    const snapshot = market.snapshot(symbol)
    if (snapshot === undefined) throw new RestRefusal(-1121, 'Invalid symbol.')
    return payload(symbol, snapshot)
  }
  if (wanted.kind === 'one') return one(wanted.symbol)
  const symbols = wanted.kind === 'list' ? wanted.symbols : market.pairs.map(pair => pair.symbol)
  return symbols.map(one)
}

function dayTickerWeight(query: URLSearchParams): number {
  if (query.has('symbol')) return 2
  const list = query.get('symbols')
  if (list === null) return 80
  const count = list.split(',').length
  if (count <= 20) return 2
  return count <= 100 ? 40 : 80
}

function exchangeInfo(market: Market, limits: Limits, serverTime: number, query: URLSearchParams): object {
  refuseOthers(query, ['symbol', 'symbols'])
  const wanted = readWanted(query)
  const asked = wanted.kind === 'one' ? [wanted.symbol] : wanted.kind === 'list' ? wanted.symbols : undefined
  const pairs = market.pairs.filter(pair => asked === undefined || asked.includes(pair.symbol))
  if (asked !== undefined && pairs.length < asked.length) throw new RestRefusal(-1121, 'Invalid symbol.')
  return {
    timezone: 'UTC',
    serverTime,
    rateLimits: [
      { rateLimitType: 'REQUEST_WEIGHT', interval: 'MINUTE', intervalNum: 1, limit: limits.requestWeight },
      { rateLimitType: 'RAW_REQUESTS', interval: 'MINUTE', intervalNum: 5, limit: limits.rawRequests }
    ],
    exchangeFilters: [],
    symbols: pairs.map(pairPayload)
  }
}
