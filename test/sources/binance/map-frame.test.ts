import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mapFrame } from '../../../lib/sources/binance/map-frame.ts'
import type { Mapping } from '../../../lib/sources/source.ts'
import { observation } from './observe.ts'

const BOOK = { u: 400900217, s: 'BNBUSDT', b: '25.35190000', B: '31.21000000', a: '25.36520000', A: '40.66000000' }
const TRADE = {
  e: 'trade',
  E: 1672515782136,
  s: 'BNBBTC',
  t: 12345,
  p: '0.001',
  q: '100',
  T: 1672515782130,
  m: true,
  M: true
}
const MINI = {
  e: '24hrMiniTicker',
  E: 1672515782136,
  s: 'BNBBTC',
  c: '0.0025',
  o: '0.0010',
  h: '0.0025',
  l: '0.0010',
  v: '10000',
  q: '18'
}
const TICKER = {
  ...MINI,
  e: '24hrTicker',
  p: '0.0015',
  P: '250.00',
  w: '0.0018',
  x: '0.0009',
  Q: '10',
  b: '0.0024',
  B: '10',
  a: '0.0026',
  A: '100',
  O: 0,
  C: 86400000,
  F: 0,
  L: 18150,
  n: 18151
}

const map = (frame: object | string, given = {}): Mapping =>
  mapFrame(typeof frame === 'string' ? frame : JSON.stringify(frame), observation(given))

function quotesOf(mapping: Mapping) {
  assert.equal(mapping.kind, 'quotes')
  assert.ok(mapping.kind === 'quotes')
  return mapping
}

function refusalOf(frame: object | string): [string, string | null, string] {
  const { quotes, refused } = quotesOf(map(frame))
  assert.equal(quotes.length, 0)
  assert.equal(refused.length, 1)
  return [refused[0]!.code, refused[0]!.symbol, refused[0]!.detail]
}

test('a book ticker is a book with the update id as sequence and no time of the venue', () => {
  const { quotes, refused } = quotesOf(map({ stream: 'bnbusdt@bookTicker', data: BOOK }, { egress: 'p1', slot: 5 }))
  assert.deepEqual(refused, [])
  assert.deepEqual(quotes, [
    {
      id: 'binance:spot:BNB-USDT|@bookTicker|400900217',
      key: 'binance:spot:BNB-USDT',
      status: 'unknown',
      seq: '400900217',
      seqKind: 'u',
      exchangeTime: null,
      receivedTime: 1_723_161_255_500_000,
      observedTime: 1_723_161_255_400_000,
      publishedTime: 0,
      src: { kind: 'ws', provider: 'binance', channel: '@bookTicker', slot: null, egress: 'p1' },
      bid: '25.3519',
      bidSize: '31.21',
      ask: '25.3652',
      askSize: '40.66'
    }
  ])
})

test('a trade carries its id, its own time and proves that the pair trades', () => {
  const [quote] = quotesOf(map(TRADE)).quotes
  assert.equal(quote!.id, 'binance:spot:BNB-BTC|@trade|12345')
  assert.deepEqual(
    [quote!.status, quote!.exchangeTime, quote!.last, quote!.lastSize, quote!.seqKind],
    ['trading', 1_672_515_782_130_000, '0.001', '100', 't']
  )
})

test('a ticker carries all three groups, a mini ticker no book and no previous close', () => {
  const [ticker] = quotesOf(map(TICKER)).quotes
  const { last, lastSize, bid, askSize, open, high, low, prevClose, volume, turnover, window, seq } = ticker!
  assert.deepEqual(
    { last, lastSize, bid, askSize, open, high, low, prevClose, volume, turnover, window, seq },
    {
      last: '0.0025',
      lastSize: '10',
      bid: '0.0024',
      askSize: '100',
      open: '0.001',
      high: '0.0025',
      low: '0.001',
      prevClose: '0.0009',
      volume: '10000',
      turnover: '18',
      window: 'rolling24h',
      seq: null
    }
  )
  const [mini] = quotesOf(map(MINI)).quotes
  assert.deepEqual(
    [mini!.bid, mini!.lastSize, mini!.prevClose, mini!.last, mini!.src.channel],
    [undefined, null, null, '0.0025', '@miniTicker']
  )
})

test('a ticker has the same id when it comes again, raw or wrapped, and another when a value differs', () => {
  const id = (frame: object) => quotesOf(map(frame)).quotes[0]!.id
  assert.equal(id(TICKER), id({ stream: '!ticker@arr', data: [TICKER] }))
  assert.notEqual(id(TICKER), id({ ...TICKER, A: '101' }))
  assert.notEqual(id(TICKER), id({ ...TICKER, E: TICKER.E + 1 }))
})

test('an array keeps its good entries whatever the others are', () => {
  const odd = [MINI, { ...MINI, c: 'N/A' }, 7, { ...MINI, s: 'NOBODYASKED' }, { ...MINI, s: 'ETHBTC', c: undefined }]
  const { quotes, refused } = quotesOf(map({ stream: '!miniTicker@arr', data: odd }))
  assert.deepEqual(
    quotes.map(quote => quote.key),
    ['binance:spot:BNB-BTC']
  )
  assert.deepEqual(
    refused.map(({ code, symbol }) => [code, symbol]),
    [
      ['bad_value', 'BNBBTC'],
      ['bad_value', null],
      ['unknown_symbol', 'NOBODYASKED'],
      ['missing_field', 'ETHBTC']
    ]
  )
  assert.deepEqual(quotesOf(map([MINI])).quotes.length, 1)
})

test('texts that are no number of the domain refuse the entry, each with its code', () => {
  for (const bad of ['N/A', 'NaN', 'Infinity', 'null', '', '98,761,280.56', '-1', '1.135332e-24', '9'.repeat(21)]) {
    assert.deepEqual(refusalOf({ ...BOOK, B: bad }).slice(0, 2), ['bad_value', 'BNBUSDT'], bad)
  }
  assert.deepEqual(refusalOf({ ...BOOK, b: null }).slice(0, 2), ['bad_value', 'BNBUSDT'])
})

test('odd notations of a number are the same number', () => {
  const bid = (b: string) => quotesOf(map({ ...BOOK, b })).quotes[0]!.bid
  assert.deepEqual(['00.10', '1.1e-7', '+5', '1E2'].map(bid), ['0.1', '0.00000011', '5', '100'])
})

test('an empty side has no price and a real size of zero; a price of zero with a quantity is refused', () => {
  const [quote] = quotesOf(map({ ...BOOK, b: '0E-8', B: '0.00000000' })).quotes
  assert.deepEqual([quote!.bid, quote!.bidSize, quote!.ask], [null, '0', '25.3652'])
  assert.deepEqual(refusalOf({ ...BOOK, a: '0.0' }).slice(0, 1), ['bad_value'])
})

test('a last price of zero is none, and then its size says nothing', () => {
  const [quote] = quotesOf(map({ ...TICKER, c: '0.00000000', Q: '0.00000000', v: '0.00000000' })).quotes
  assert.deepEqual([quote!.last, quote!.lastSize, quote!.volume], [null, null, '0'])
})

test('a sequence beyond 2^53 and a bare decimal keep every digit', () => {
  const text = JSON.stringify(BOOK)
  const [quote] = quotesOf(map(text.replace('400900217', '90071992547409931').replace('"31.21000000"', '0.10'))).quotes
  assert.deepEqual([quote!.seq, quote!.bidSize], ['90071992547409931', '0.1'])
  assert.equal(quote!.id, 'binance:spot:BNB-USDT|@bookTicker|90071992547409931')
})

test('a sequence that is no whole number refuses the entry', () => {
  const text = JSON.stringify(BOOK)
  for (const bad of ['1.5', '-3', '1e3', '"400900217"', 'null']) {
    assert.equal(refusalOf(text.replace('400900217', bad))[0], 'bad_value', bad)
  }
})

test('a time in seconds or microseconds is refused', () => {
  for (const E of [1672515782, 1672515782136000, 0, -1, 1672515782136.5]) {
    assert.deepEqual(refusalOf({ ...MINI, E }).slice(0, 2), ['bad_value', 'BNBBTC'], String(E))
  }
})

test('odd symbols are symbols', () => {
  for (const [s, key] of [
    ['1INCHUPUSDT', 'binance:spot:1INCHUP-USDT'],
    ['1000000MOGUSDT', 'binance:spot:1000000MOG-USDT'],
    ['币安人生USDT', 'binance:spot:币安人生-USDT'],
    ['ALPHA_116USDT', 'binance:spot:ALPHA_116-USDT']
  ]) {
    assert.equal(quotesOf(map({ ...BOOK, s })).quotes[0]!.key, key)
  }
})

test('the venue closing is told in both of its forms', () => {
  assert.deepEqual(map({ e: 'serverShutdown', E: 1770123456789 }), { kind: 'shutdown' })
  assert.deepEqual(map({ stream: '!serverShutdown', data: { e: 'serverShutdown', E: 1770123456789 } }), {
    kind: 'shutdown'
  })
})

test('answers to subscriptions are acknowledgements or errors', () => {
  assert.deepEqual(map({ result: null, id: 1 }), { kind: 'ignored', reason: 'ack' })
  assert.deepEqual(map({ result: ['btcusdt@trade'], id: 3 }), { kind: 'ignored', reason: 'subscriptions' })
  const message = '2 Invalid request: missing field `method`'
  const error = { kind: 'error', code: 'bad_request', message }
  assert.deepEqual(map({ code: 2, msg: 'Invalid request: missing field `method`', id: 1 }), error)
  assert.deepEqual(map({ error: { code: 2, msg: 'Invalid request: missing field `method`' }, id: 1 }), error)
})

test('events of other channels and of the derivatives are ignored by name', () => {
  const reason = (frame: object) => {
    const mapping = map(frame)
    return mapping.kind === 'ignored' ? mapping.reason : mapping.kind
  }
  assert.equal(reason({ e: 'aggTrade', s: 'BNBBTC' }), 'aggTrade')
  assert.equal(reason({ stream: 'bnbbtc@kline_1m', data: { e: 'kline' } }), 'kline')
  assert.equal(reason({ stream: 'bnbbtc@depth20', data: { lastUpdateId: 160, bids: [], asks: [] } }), 'depth')
  assert.equal(reason({ stream: 'bnbbtc@ticker_1h', data: { e: '1hTicker' } }), '1hTicker')
  assert.equal(reason({ ...BOOK, e: 'bookTicker', T: 1, E: 2 }), 'not spot: bookTicker')
  assert.equal(reason({ ...MINI, ps: 'BNBUSD' }), 'not spot: 24hrMiniTicker')
  assert.equal(reason({ stream: '!miniTicker@arr', data: [] }), 'empty')
})

test('anything else is unreadable, with a sample of at most 200 characters', () => {
  for (const [text, reason] of [
    ['<html>', 'not JSON'],
    ['', 'not JSON'],
    ['7', 'not an object'],
    ['null', 'not an object'],
    ['[1]', 'array without objects'],
    ['{"stream":"a@trade","data":7}', 'wrapper without an object'],
    ['{"e":"neverHeardOf"}', 'unknown event'],
    [`{"hello":"${'x'.repeat(500)}"}`, 'unknown form']
  ] as const) {
    assert.deepEqual(map(text), { kind: 'unreadable', reason, sample: text.slice(0, 200) })
  }
})
