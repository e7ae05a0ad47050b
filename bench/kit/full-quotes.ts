import { type Decimal, parseDecimal } from '../../lib/quote/decimal.ts'
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
    last: decimal(price, 2),
    lastSize: decimal(random(), 5),
    bid: decimal(price, 2),
    bidSize: decimal(9 * random(), 5),
    ask: decimal(price + random(), 2),
    askSize: decimal(9 * random(), 5),
    open: decimal(price - 900 * random(), 2),
    high: decimal(price + 900 * random(), 2),
    low: decimal(price - 2_000 * random(), 2),
    prevClose: decimal(price - 900 * random(), 2),
    volume: decimal(30_000 * random(), 5),
    turnover: decimal(1_800_000_000 * random(), 6),
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

/** As a mapper gives it: canonical. */
function decimal(value: number, digits: number): Decimal {
  return parseDecimal(value.toFixed(digits))
}

/** Numbers from 0 to 1 by a linear congruential generator. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
