import type { Quote } from '../../lib/quote/quote.ts'
import { quoteId } from '../../lib/quote/quote-id.ts'

const SYMBOLS = 2_000

/** Batches of quotes that carry all field groups, 20 fields with values each, as a venue's full ticker does. The same in every run. */
export function fullBatches(count: number, size: number): Quote[][] {
  const random = randomFrom(1)
  let number = 0
  return Array.from({ length: count }, () => Array.from({ length: size }, () => fullQuote(number++, random)))
}

function fullQuote(number: number, random: () => number): Quote {
  const key = `binance:spot:S${Math.floor(random() * SYMBOLS)}-USDT`
  const price = 60_000 + 5_000 * random()
  const time = 1_732_320_000_000_000 + number * 137
  const seq = String(88_123_456_789 + number)
  return {
    id: quoteId(key, '@ticker', { sequence: seq }),
    key,
    last: price.toFixed(2),
    lastSize: random().toFixed(5),
    bid: price.toFixed(2),
    bidSize: (9 * random()).toFixed(5),
    ask: (price + random()).toFixed(2),
    askSize: (9 * random()).toFixed(5),
    open: (price - 900 * random()).toFixed(2),
    high: (price + 900 * random()).toFixed(2),
    low: (price - 2_000 * random()).toFixed(2),
    prevClose: (price - 900 * random()).toFixed(2),
    volume: (30_000 * random()).toFixed(5),
    turnover: (1_800_000_000 * random()).toFixed(6),
    window: 'rolling24h',
    status: 'trading',
    seq,
    seqKind: 'u',
    exchangeTime: time - 5_000 - Math.floor(900 * random()),
    receivedTime: time,
    observedTime: time,
    publishedTime: time,
    src: { kind: 'ws', provider: 'binance', channel: '@ticker', slot: null, egress: null }
  }
}

/** Numbers from 0 to 1 by a linear congruential generator. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
