import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAX_BATCH_BYTES, splitBatches } from '../../lib/quote/batch.ts'
import { QUOTES_PER_BATCH } from '../../lib/quote/position.ts'
import type { Quote } from '../../lib/quote/quote.ts'

function fullQuote(symbol: string, decimal: string): Quote {
  const key = `binance:spot:${symbol}`
  const time = 1_700_000_000_000_000
  return {
    id: `${key}|24hr|${time}|AAAAAAAAAAAAAAAA`,
    key,
    last: decimal,
    lastSize: decimal,
    bid: decimal,
    bidSize: decimal,
    ask: decimal,
    askSize: decimal,
    open: decimal,
    high: decimal,
    low: decimal,
    prevClose: decimal,
    volume: decimal,
    turnover: decimal,
    window: 'rolling24h',
    status: 'suspended',
    seq: '9'.repeat(30),
    seqKind: 'sequence~1700000000000000',
    exchangeTime: time,
    receivedTime: time,
    observedTime: time,
    publishedTime: time,
    src: { kind: 'rest', provider: 'binance', channel: '24hr', slot: time, egress: 'http://127.0.0.1:8080' }
  }
}

test('no batch exceeds the bytes of an event, even with the longest values and symbols outside ASCII', () => {
  for (const symbol of ['BTC-USDT', '币安人生'.repeat(16)]) {
    const quotes = Array.from({ length: 5000 }, () => fullQuote(symbol, `-${'9'.repeat(20)}.${'9'.repeat(18)}`))
    const batches = splitBatches(quotes)
    assert.deepEqual(batches.flat(), quotes)
    for (const batch of batches) assert.ok(Buffer.byteLength(JSON.stringify(batch)) <= MAX_BATCH_BYTES)
  }
})

test('a batch has at most 4096 quotes, and no quotes make no batch', () => {
  const small: Quote = { ...fullQuote('A', '1'), id: 'x' }
  assert.ok(splitBatches(Array(10_000).fill(small)).every(batch => batch.length <= QUOTES_PER_BATCH))
  assert.deepEqual(splitBatches([]), [])
})
