import type { Quote } from '../../lib/quote/quote.ts'
import { quoteId } from '../../lib/quote/quote-id.ts'

/** The value fields that every client gets. */
export const FIELDS = ['last', 'bid', 'ask', 'volume'] as const

export function keyOf(symbol: number): string {
  return `demo:spot:S${symbol}-USDT`
}

/** The update with number `n` of all, published at `time`: what a venue's ticker tells, with other values each time. */
export function quoteOf(n: number, symbol: number, time: number): Quote {
  const key = keyOf(symbol)
  const price = 500_000 + (n % 8_999)
  const seq = String(1_000_000_000 + n)
  return {
    id: quoteId(key, '@ticker', { sequence: seq }),
    key,
    last: `${price}.5`,
    lastSize: null,
    bid: `${price}.25`,
    bidSize: null,
    ask: `${price}.75`,
    askSize: null,
    open: null,
    high: null,
    low: null,
    prevClose: null,
    volume: `31${1_000 + (n % 8_999)}.25`,
    turnover: null,
    window: 'rolling24h',
    status: 'trading',
    seq,
    seqKind: 'u',
    exchangeTime: time - 12_000,
    receivedTime: time,
    observedTime: time,
    publishedTime: time,
    src: { kind: 'ws', provider: 'demo', channel: '@ticker', slot: null, egress: null }
  }
}

/** A quote as the gateway's rows show it; `previous` is the number of the update before. */
export function rowOf(n: number, previous: number, { key, last, bid, ask, volume, ...quote }: Quote): string {
  const values = `"last":"${last}","bid":"${bid}","ask":"${ask}","volume":"${volume}"`
  const times = `"exchangeTime":${quote.exchangeTime},"receivedTime":${quote.receivedTime}`
  return `{"key":"${key}","q":${n * 4096},"p":${previous * 4096},"n":1,${values},${times}}`
}

/** A frame's worth of rows as the gateway sends it, due at `time`. */
export function tickOf(topic: string, n: number, time: number, rows: readonly string[]): string {
  return `{"type":"quotes","sid":"${topic.padEnd(12, '-')}","q":${n * 4096},"time":${time},"data":[${rows.join(',')}]}`
}
