import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { QuotesReceived } from '../../lib/quote/events.ts'
import type { Quote } from '../../lib/quote/quote.ts'
import { quotesCodec } from '../../lib/quote/quotes-codec.ts'
import { randomQuotes } from '../history/random-quotes.ts'

function roundTrip(received: QuotesReceived): QuotesReceived {
  return quotesCodec.decode(quotesCodec.encode(received))
}

const trade: Quote = {
  id: 'binance:spot:BTC-USDT|@trade|7',
  key: 'binance:spot:BTC-USDT',
  last: '61685.99000000000000001',
  lastSize: null,
  status: 'trading',
  seq: '7',
  seqKind: 't',
  exchangeTime: null,
  receivedTime: 1_723_075_200_000_123,
  observedTime: 1_723_075_200_000_122,
  publishedTime: 0,
  src: { kind: 'ws', provider: 'binance', channel: '@trade', slot: null, egress: null }
}
const book: Quote = {
  ...without(trade, 'last', 'lastSize'),
  id: 'binance:spot:BTC-USDT|@bookTicker|~1723:8',
  seq: '8',
  seqKind: 'u~1723',
  exchangeTime: 1_723_075_200_000_000,
  bid: '0',
  bidSize: '0.1',
  ask: null,
  askSize: null,
  src: { ...trade.src, channel: '@bookTicker', egress: 'proxy-1' }
}

function without(quote: Quote, ...names: (keyof Quote)[]): Quote {
  return Object.fromEntries(
    Object.entries(quote).filter(([name]) => !names.includes(name as keyof Quote))
  ) as unknown as Quote
}

test('quotes come out of the stream as they went in, in their order, whatever groups they carry', () => {
  for (const quotes of [[trade], [book], [trade, book, trade, { ...book, ...trade, ask: '1' }, book]]) {
    assert.deepEqual(roundTrip({ source: 'binance', quotes }), { source: 'binance', quotes })
  }
  const quotes = randomQuotes(3_000, 5)
  assert.deepEqual(roundTrip({ source: 'x', slot: 1_723_075_200_000_000, quotes }), {
    source: 'x',
    slot: 1_723_075_200_000_000,
    quotes
  })
})

test('a group that is absent stays absent, and one that is null stays null', () => {
  const [first, second] = roundTrip({ source: 'binance', quotes: [trade, book] }).quotes
  assert.ok(first !== undefined && second !== undefined)
  assert.deepEqual(
    Object.keys(first).filter(name => /bid|ask|open/.test(name)),
    []
  )
  assert.equal(first.lastSize, null)
  assert.equal('last' in second, false)
  assert.equal(second.ask, null)
})

test('ids of every form come back, also those that do not begin with the key and channel', () => {
  const ids = [
    '',
    'x',
    'binance:spot:BTC-USDT',
    'binance:spot:BTC-USDT|@trade|',
    'binance:spot:BTC-USDT|@trade|70',
    'binance:spot:BTC-USDT|@trade|~1:7',
    'binance:spot:BTC-USDT|@tradf|7'
  ]
  const quotes = [
    ...ids.map(id => ({ ...trade, id })),
    { ...trade, seq: null, seqKind: null, id: 'binance:spot:BTC-USDT|@trade|null' }
  ]
  assert.deepEqual(roundTrip({ source: 'binance', quotes }).quotes, quotes)
  for (const quote of quotes) assert.deepEqual(roundTrip({ source: 'binance', quotes: [quote] }).quotes, [quote])
})

test('texts outside ASCII and with quotation marks come back', () => {
  const quotes = [trade, { ...trade, key: 'xshg:stock:"浦发\\银行"', src: { ...trade.src, egress: 'é\u0000' } }]
  assert.deepEqual(roundTrip({ source: '源', quotes }), { source: '源', quotes })
})

test('short and long, empty and odd texts, and nulls among them, come back as they were', () => {
  const texts = ['1', '-0.5', null, '', '1|2', '|', '123456789012', '1234567890123', 'x', '1e-7']
  for (const chosen of [
    texts,
    texts.slice(0, 3),
    texts.slice(2, 4),
    texts.slice(4, 6),
    texts.slice(6, 8),
    [null, null]
  ]) {
    const quotes = chosen.map(last => ({ ...trade, last, lastSize: last, seq: last }))
    assert.deepEqual(roundTrip({ source: 'binance', quotes }).quotes, quotes)
  }
})

test('what is not a payload of quotes is refused in both directions', () => {
  assert.throws(() => quotesCodec.encode({ source: 'x', quotes: [null] as unknown as Quote[] }), TypeError)
  assert.throws(() => quotesCodec.encode({ source: 'x' } as unknown as QuotesReceived), TypeError)
  assert.throws(() => quotesCodec.decode(Buffer.from('{"source":"x"}')), TypeError)
  assert.throws(() => quotesCodec.decode(Buffer.from('{"source"')), SyntaxError)
  const encoded = quotesCodec.encode({
    source: 'x',
    quotes: [
      { ...trade, last: '1' },
      { ...trade, last: '2' },
      { ...trade, last: '3' }
    ]
  })
  const broken = Buffer.from(`${encoded}`.replace('|2|', '|'))
  assert.throws(() => quotesCodec.decode(broken), /expected 3 values, got 2/)
})
