import type { Quote } from '../../lib/quote/quote.ts'
import { quoteId } from '../../lib/quote/quote-id.ts'

const SYMBOLS = 2_000

/** Batches of quotes that carry all field groups, 20 fields with values each, as a venue's full ticker does. All differ. */
export function fullBatches(count: number, size: number): Quote[][] {
  let number = 0
  return Array.from({ length: count }, () => Array.from({ length: size }, () => fullQuote(number++)))
}

function fullQuote(number: number): Quote {
  const key = `binance:spot:S${number % SYMBOLS}-USDT`
  const price = 60_000 + (number % 997) / 7
  const time = 1_732_320_000_000_000 + number * 137
  const seq = String(88_123_456_789 + number)
  return {
    id: quoteId(key, '@ticker', { sequence: seq }),
    key,
    last: price.toFixed(2),
    lastSize: ((number % 89) / 1_000 + 0.001_23).toFixed(5),
    bid: price.toFixed(2),
    bidSize: ((number % 83) / 37 + 0.1).toFixed(5),
    ask: (price + 0.01).toFixed(2),
    askSize: ((number % 79) / 31 + 0.1).toFixed(5),
    open: (price - 3).toFixed(2),
    high: (price + 100).toFixed(2),
    low: (price - 200).toFixed(2),
    prevClose: (price - 3.1).toFixed(2),
    volume: (28_123.123_45 + number).toFixed(5),
    turnover: (1_712_345_678.123_456 + number).toFixed(6),
    window: 'rolling24h',
    status: 'trading',
    seq,
    seqKind: 'u',
    exchangeTime: time - 5_000 - (number % 900),
    receivedTime: time,
    observedTime: time,
    publishedTime: time,
    src: { kind: 'ws', provider: 'binance', channel: '@ticker', slot: null, egress: null }
  }
}
