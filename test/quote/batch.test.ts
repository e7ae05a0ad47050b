import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAX_BATCH_BYTES, splitBatches } from '../../lib/quote/batch.ts'
import { QUOTES_PER_BATCH } from '../../lib/quote/position.ts'
import type { Quote } from '../../lib/quote/quote.ts'
import { quotesCodec } from '../../lib/quote/quotes-codec.ts'

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

/** A quote no value of which repeats that of its neighbours, so that no column is told once for all. */
function differing(symbol: string, index: number): Quote {
  const odd = index % 2 === 1
  const time = odd ? 0 : 4_000_000_000_000_000
  const quote = fullQuote(symbol, `-${odd ? '9'.repeat(20) : '8'.repeat(20)}.${'9'.repeat(18)}`)
  return {
    ...quote,
    key: quote.key + (odd ? 'a' : 'b'),
    id: odd ? `${quote.key}a|24hr|${time}|AAAAAAAAAAAAAAAA` : quote.id,
    window: odd ? 'rolling24h' : null,
    status: odd ? 'suspended' : 'preopen',
    seqKind: odd ? 'sequence~1700000000000000' : 'sequence~1700000000000001',
    exchangeTime: odd ? null : time,
    receivedTime: time,
    observedTime: 4_000_000_000_000_000 - time,
    publishedTime: time,
    src: {
      kind: odd ? 'ws' : 'rest',
      provider: odd ? 'a' : 'b',
      channel: '24hr',
      slot: odd ? 0 : time,
      egress: `http://127.0.0.1:${index}`
    }
  }
}

test('no batch exceeds the bytes of an event, even with the longest values and symbols outside ASCII', () => {
  for (const symbol of ['BTC-USDT', '币安人生'.repeat(16)]) {
    const quotes = Array.from({ length: 5000 }, (_, index) => differing(symbol, index))
    const batches = splitBatches(quotes)
    assert.deepEqual(batches.flat(), quotes)
    for (const batch of batches) {
      assert.ok(quotesCodec.encode({ source: 'binance', quotes: batch }).length <= MAX_BATCH_BYTES)
    }
  }
})

test('a batch has at most 4096 quotes, and no quotes make no batch', () => {
  const small: Quote = { ...fullQuote('A', '1'), id: 'x' }
  assert.ok(splitBatches(Array(10_000).fill(small)).every(batch => batch.length <= QUOTES_PER_BATCH))
  assert.deepEqual(splitBatches([]), [])
})
