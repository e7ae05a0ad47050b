import assert from 'node:assert/strict'
import { test } from 'node:test'
import { quoteId } from '../../lib/quote/quote-id.ts'

const KEY = 'binance:spot:BTC-USDT'

test('a sequence, a time with values, a slot and a counter each make their own id', () => {
  assert.equal(quoteId(KEY, '@bookTicker', { sequence: '400900217' }), `${KEY}|@bookTicker|400900217`)
  assert.equal(quoteId(KEY, 'price', { slot: 1_700_000_000_000_000 }), `${KEY}|price|1700000000000000`)
  assert.equal(quoteId(KEY, 'price', { connection: 'c1', counter: 7 }), `${KEY}|price|c1|7`)
  assert.match(quoteId(KEY, '24hr', { exchangeTime: 5, values: ['1', null] }), /\|24hr\|5\|[\w-]{16}$/)
})

test('a dated update collapses only with the same values at the same places', () => {
  const id = (values: (string | null)[]) => quoteId(KEY, '24hr', { exchangeTime: 5, values })
  assert.equal(id(['1', null, '2']), id(['1', null, '2']))
  assert.notEqual(id(['1', null, '2']), id([null, '1', '2']))
  assert.notEqual(id(['1', null, '2']), id(['1', null, '3']))
})

test('a sequence that started again does not collapse with its first run', () => {
  const first = quoteId(KEY, '@bookTicker', { sequence: '5', seqKind: 'u' })
  const second = quoteId(KEY, '@bookTicker', { sequence: '5', seqKind: 'u~1700000000000000' })
  assert.equal(first, `${KEY}|@bookTicker|5`)
  assert.equal(second, `${KEY}|@bookTicker|~1700000000000000:5`)
})
