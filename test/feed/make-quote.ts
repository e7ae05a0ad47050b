import type { Micros, Quote } from '../../lib/quote/quote.ts'
import { quoteId } from '../../lib/quote/quote-id.ts'

export interface QuoteParts {
  seq: number
  exchangeTime?: Micros | null
  observedTime?: Micros
  key?: string
  channel?: string
  seqKind?: string
}

/** A quote of a channel whose sequence is its identity. */
export function makeQuote(parts: QuoteParts): Quote {
  const { seq, exchangeTime = null, observedTime = 1, key = 'test:spot:A', channel = 'book', seqKind = 'u' } = parts
  return {
    id: quoteId(key, channel, { sequence: String(seq), seqKind }),
    key,
    status: 'unknown',
    seq: String(seq),
    seqKind,
    exchangeTime,
    receivedTime: observedTime,
    observedTime,
    publishedTime: 0,
    src: { kind: 'ws', provider: 'test', channel, slot: null, egress: null },
    bid: '1',
    bidSize: null,
    ask: '2',
    askSize: null
  }
}
