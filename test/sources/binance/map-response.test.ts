import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mapResponse } from '../../../lib/sources/binance/map-response.ts'
import { plan } from '../../../lib/sources/binance/plan.ts'
import type { Mapping, Observation, RestResponse } from '../../../lib/sources/source.ts'
import { observation } from './observe.ts'

const BTC = 'binance:spot:BTC-USDT'
const ETH = 'binance:spot:ETH-USDT'
const SLOT = 1_723_161_255_000_000

function map(
  channel: string,
  keys: string[],
  response: Partial<RestResponse> & { json?: unknown },
  given: Partial<Observation> = {}
): Mapping {
  const [call] = plan(channel, keys)
  const { json, ...rest } = response
  const full = { status: 200, headers: {}, body: json === undefined ? '' : JSON.stringify(json), ...rest }
  return mapResponse(call!, full, observation(given))
}

function quotesOf(mapping: Mapping) {
  assert.equal(mapping.kind, 'quotes')
  assert.ok(mapping.kind === 'quotes')
  return mapping
}

test('a price is a trade without a size; a scheduled fetch is known by its slot', () => {
  const json = { symbol: 'BTCUSDT', price: '61837.64000000' }
  const { quotes } = quotesOf(map('price', [BTC], { json }, { slot: SLOT, egress: 'p2' }))
  assert.deepEqual(quotes, [
    {
      id: `${BTC}|price|${SLOT}`,
      key: BTC,
      status: 'unknown',
      seq: null,
      seqKind: null,
      exchangeTime: null,
      receivedTime: 1_723_161_255_500_000,
      observedTime: 1_723_161_255_400_000,
      publishedTime: 0,
      src: { kind: 'rest', provider: 'binance', channel: 'price', slot: SLOT, egress: 'p2' },
      last: '61837.64',
      lastSize: null
    }
  ])
})

test('without a slot two observations never collapse', () => {
  const json = [
    { symbol: 'BTCUSDT', price: '1' },
    { symbol: 'ETHUSDT', price: '2' }
  ]
  const { quotes } = quotesOf(map('price', [BTC, ETH], { json }))
  assert.deepEqual(
    quotes.map(({ id }) => id),
    [`${BTC}|price|c1|1`, `${ETH}|price|c1|2`]
  )
})

test('a book ticker is a book', () => {
  const json = { symbol: 'BTCUSDT', bidPrice: '4.00', bidQty: '431.0', askPrice: '0.00000000', askQty: '0.00000000' }
  const [quote] = quotesOf(map('bookTicker', [BTC], { json }, { slot: SLOT })).quotes
  assert.deepEqual(
    [quote!.bid, quote!.bidSize, quote!.ask, quote!.askSize, quote!.last],
    ['4', '431', null, '0', undefined]
  )
})

test('a day ticker without what the venue does not always give is a quote; one of the derivatives is refused', () => {
  const short = { symbol: 'BTCUSDT', lastPrice: '5', openPrice: '4', volume: '7', closeTime: 1_499_869_899_040 }
  const day = (json: object) => quotesOf(map('24hr', [BTC], { json }))
  const [mini] = day(short).quotes
  assert.deepEqual([mini!.last, mini!.lastSize, mini!.open, mini!.volume, mini!.turnover], ['5', null, '4', '7', null])
  assert.equal('bid' in mini!, false, 'it does not hide the book of another channel')
  const [old] = day({
    ...short,
    lastQty: '2',
    prevClosePrice: '3',
    bidPrice: '4.9',
    askPrice: '5.1',
    bidQty: null
  }).quotes
  assert.deepEqual([old!.lastSize, old!.bid, old!.bidSize, old!.ask, old!.askSize], ['2', '4.9', null, '5.1', null])
  const futures = { ...short, lastQty: '2', priceChange: '1', highPrice: '6', lowPrice: '3', quoteVolume: '30' }
  assert.deepEqual(
    day(futures).refused.map(({ code, detail }) => [code, detail]),
    [['missing_field', 'bidPrice']]
  )
  assert.deepEqual(day({ ...short, lastPrice: undefined }).quotes, [])
})

test('a symbol that was asked for and is not in the answer is refused by name', () => {
  const { quotes, refused } = quotesOf(map('price', [BTC, ETH], { json: [{ symbol: 'ETHUSDT', price: '2' }] }))
  assert.equal(quotes.length, 1)
  assert.deepEqual(refused, [{ code: 'unknown_symbol', symbol: 'BTCUSDT', detail: 'asked for, not in the answer' }])
})

test('of the whole market only what was asked for is taken, and nothing of it is refused', () => {
  const keys = Array.from({ length: 781 }, (_, index) => `binance:spot:A${index}-USDT`)
  const rows = keys.map((_, index) => ({ symbol: `A${index}USDT`, price: '1' }))
  const call = { ...plan('price', keys)[0]!, path: '/api/v3/ticker/price' }
  const body = JSON.stringify([...rows, { symbol: 'OTHERUSDT', price: '1' }])
  const { quotes, refused } = quotesOf(mapResponse(call, { status: 200, headers: {}, body }, observation()))
  assert.deepEqual([quotes.length, refused], [781, []])
})

test('an error of the venue is told by status and code, with the time to wait', () => {
  const banned =
    'Way too much request weight used; IP banned until 1723161375500. Please use WebSocket Streams for live updates to avoid bans.'
  const cases: [Partial<RestResponse> & { json?: unknown }, object][] = [
    [
      { status: 429, headers: { 'retry-after': '7' }, json: { code: -1003, msg: 'Too much' } },
      { code: 'throttled', retryAfterMs: 7_000 }
    ],
    [{ status: 429, body: '' }, { code: 'throttled' }],
    [
      { status: 418, headers: { 'retry-after': '120' }, json: { code: -1003, msg: banned } },
      { code: 'banned', retryAfterMs: 120_000 }
    ],
    [
      { status: 418, json: { code: -1003, msg: banned } },
      { code: 'banned', retryAfterMs: 120_000 }
    ],
    [{ status: 403, body: '<html>blocked</html>' }, { code: 'banned' }],
    [{ status: 451, json: { code: 0, msg: 'Service unavailable from a restricted location' } }, { code: 'banned' }],
    [
      { status: 400, json: { code: -1121, msg: 'Invalid symbol.' } },
      { code: 'bad_symbol', symbol: 'BTCUSDT' }
    ],
    [{ status: 400, json: { code: -1100, msg: 'Illegal characters' } }, { code: 'bad_request' }],
    [{ status: 200, json: { code: -1003, msg: 'Too many requests queued.' } }, { code: 'throttled' }],
    [{ status: 400, json: { code: -1001, msg: 'Internal error' } }, { code: 'unavailable' }],
    [{ status: 502, body: '<html>Bad gateway</html>' }, { code: 'unavailable' }],
    [{ status: 500, json: [{ symbol: 'BTCUSDT', price: '1' }] }, { code: 'unavailable' }],
    [{ status: 404, body: '' }, { code: 'bad_request' }],
    [{ status: 301, body: '' }, { code: 'bad_request' }]
  ]
  for (const [response, expected] of cases) {
    const mapping = map('price', [BTC], response)
    assert.ok(mapping.kind === 'error', JSON.stringify(mapping))
    const { kind, message, ...facts } = mapping
    assert.deepEqual(facts, expected, `${response.status} ${message}`)
  }
})

test('a list that fails for one of its symbols does not say which', () => {
  const mapping = map('price', [BTC, ETH], { status: 400, json: { code: -1121, msg: 'Invalid symbol.' } })
  assert.deepEqual(mapping, { kind: 'error', code: 'bad_symbol', message: '-1121 Invalid symbol.' })
})

test('a page that is no answer of the venue is unreadable', () => {
  for (const [body, reason] of [
    ['<!doctype html>', 'not JSON'],
    ['', 'not JSON'],
    ['"hello"', 'neither object nor array']
  ] as const) {
    assert.deepEqual(map('price', [BTC], { body }), { kind: 'unreadable', reason, sample: body })
  }
  assert.equal(map('instruments', [], { body: '{"symbols":7}' }).kind, 'unreadable')
})

test('an instrument has the steps of its filters and the status of its pair', () => {
  const pair = (given: object) => ({
    symbol: 'BTCUSDT',
    status: 'TRADING',
    baseAsset: 'BTC',
    quoteAsset: 'USDT',
    filters: [
      { filterType: 'PRICE_FILTER', minPrice: '0.01', tickSize: '0.01000000' },
      { filterType: 'LOT_SIZE', stepSize: '0.00001000' }
    ],
    ...given
  })
  const mapping = map('instruments', [], {
    json: {
      symbols: [
        pair({}),
        pair({ baseAsset: 'ETH', symbol: 'ETHUSDT', status: 'BREAK', filters: undefined }),
        pair({
          baseAsset: 'XRP',
          symbol: 'XRPUSDT',
          status: 'NEW',
          filters: [{ filterType: 'LOT_SIZE', stepSize: '0' }]
        }),
        pair({ baseAsset: 'A B', symbol: 'ABUSDT' }),
        pair({ quoteAsset: undefined })
      ]
    }
  })
  assert.ok(mapping.kind === 'instruments')
  assert.deepEqual(mapping.instruments[0], {
    key: BTC,
    venueSymbol: 'BTCUSDT',
    name: null,
    base: 'BTC',
    currency: 'USDT',
    tickSize: '0.01',
    lotSize: '0.00001',
    multiplier: null,
    calendar: '24x7',
    status: 'trading'
  })
  assert.deepEqual(
    mapping.instruments.slice(1).map(({ key, tickSize, lotSize, status }) => [key, tickSize, lotSize, status]),
    [
      [ETH, null, null, 'suspended'],
      ['binance:spot:XRP-USDT', null, null, 'unknown']
    ]
  )
  assert.deepEqual(
    mapping.refused.map(({ code, symbol }) => [code, symbol]),
    [
      ['bad_value', 'ABUSDT'],
      ['missing_field', 'BTCUSDT']
    ]
  )
})
