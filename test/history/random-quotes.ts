import { parseDecimal } from '../../lib/quote/decimal.ts'
import { FIELD_GROUPS, GROUP_NAMES, type Quote, STATUSES } from '../../lib/quote/quote.ts'
import { makeQuote } from './make-quote.ts'

/** Random numbers that are the same in every run (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const SYMBOLS = [
  '1INCHUPUSDT',
  'ALPHA_116USDT',
  'ARN_USD₮',
  '币安人生USDT',
  'BRK.B',
  'gb_$ixic',
  'O\'X\\"Y%_?',
  '🚀-USDT'
]

/** Labels that a database or its statements could take for something else. */
const EGRESSES = [
  null,
  'proxy-1',
  'прокси ₮ 🚀',
  '',
  '\\N',
  'NULL',
  'tab\tnew\nline\r\n',
  'end\\',
  '\\',
  '\0',
  '\x1a',
  '"\'`,;--%_'
]

/** Quotes from all corners of the domain: every group absent, unknown or full, sequences beyond 2^63, odd symbols. */
export function randomQuotes(count: number, seed: number): Quote[] {
  const random = seeded(seed)
  const below = (limit: number) => Math.floor(random() * limit)
  const pick = <T>(items: readonly T[]): T => items[below(items.length)]!
  const digits = (length: number) => Array.from({ length }, () => below(10)).join('')
  const decimal = () => parseDecimal(`${pick(['', '-'])}${digits(1 + below(20))}.${digits(below(19))}`)
  const time = () => below(2 ** 53)
  return Array.from({ length: count }, (_, index) => {
    const key = `demo:spot:${pick(SYMBOLS)}`
    const sequenced = random() < 0.5
    const quote = makeQuote({
      key,
      id: pick([`${key}|trade|${index}`, `${key}|\\N\\|${index}`, `elsewhere|${index}`]),
      status: pick(STATUSES),
      seq: sequenced ? digits(1 + below(40)) : null,
      seqKind: sequenced ? pick(['u', 'u~1700000000000000']) : null,
      exchangeTime: pick([null, 0, time()]),
      receivedTime: time(),
      observedTime: time(),
      publishedTime: pick([0, time()]),
      src: {
        kind: pick(['rest', 'ws']),
        provider: pick(['demo', 'binance']),
        channel: pick(['@bookTicker', 'ticker/price', 'trade']),
        slot: pick([null, time()]),
        egress: pick(EGRESSES)
      }
    })
    for (const group of GROUP_NAMES) {
      if (random() < 0.3) continue
      for (const field of FIELD_GROUPS[group]) {
        const value = field === 'window' ? pick(['rolling24h', 'session']) : decimal()
        Object.assign(quote, { [field]: pick([null, value, value]) })
      }
    }
    return quote
  })
}
