import type { Quote, QuoteOrigin } from '../../lib/quote/quote.ts'
import { quoteId } from '../../lib/quote/quote-id.ts'

/** What a test says of a quote; the rest is filled in. */
export type QuoteParts = Partial<Omit<Quote, 'src'>> & { src?: Partial<QuoteOrigin> }

/** A quote of the channel `trade` that carries nothing, unless told otherwise. Its id follows from its observed time. */
export function makeQuote(parts: QuoteParts = {}): Quote {
  const key = parts.key ?? 'demo:spot:BTC-USDT'
  const observedTime = parts.observedTime ?? 1_700_000_000_000_000
  const src: QuoteOrigin = { kind: 'ws', provider: 'demo', channel: 'trade', slot: null, egress: null, ...parts.src }
  return {
    id: quoteId(key, src.channel, { sequence: String(observedTime) }),
    status: 'trading',
    seq: null,
    seqKind: null,
    exchangeTime: null,
    receivedTime: observedTime,
    publishedTime: 0,
    ...parts,
    key,
    observedTime,
    src
  }
}

/** Quotes of one key, one microsecond apart. */
export function makeQuotes(count: number, parts: QuoteParts & { key: string; observedTime: number }): Quote[] {
  return Array.from({ length: count }, (_, index) =>
    makeQuote({ last: String(index), lastSize: null, ...parts, observedTime: parts.observedTime + index })
  )
}
