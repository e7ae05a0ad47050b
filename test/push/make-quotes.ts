import type { Quote } from '../../lib/quote/quote.ts'
import { quoteId } from '../../lib/quote/quote-id.ts'

/** A number generator with a seed: the same seed gives the same run. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Microseconds at which the tests' markets open. */
export const OPENING = 1_700_000_000_000_000

export const keysOf = (count: number): string[] => Array.from({ length: count }, (_, i) => `demo:spot:S${i}-USDT`)

type Values = Partial<Omit<Quote, 'src'>> & { channel?: string }

/** A quote of a stream channel with the given values; a later `observedTime` is a newer observation. */
export function makeQuote(key: string, observedTime: number, { channel = '@trade', ...values }: Values = {}): Quote {
  return {
    id: quoteId(key, channel, { exchangeTime: observedTime, values: Object.values(values).map(String) }),
    key,
    status: 'trading',
    seq: null,
    seqKind: null,
    exchangeTime: observedTime - 20_000,
    receivedTime: observedTime,
    observedTime,
    publishedTime: observedTime,
    src: { kind: 'ws', provider: 'demo', channel, slot: null, egress: null },
    ...values
  }
}

/** Random quotes over three channels: trades, books with a sequence, and statistics that also carry the last trade; some come late. */
export class RandomMarket {
  readonly #keys: readonly string[]
  readonly #random: () => number
  #time = OPENING
  #sequence = 0

  constructor(keys: readonly string[], random: () => number) {
    this.#keys = keys
    this.#random = random
  }

  batch(size: number): Quote[] {
    return Array.from({ length: size }, () => this.#quote())
  }

  #quote(): Quote {
    const key = this.#keys[Math.floor(this.#random() * this.#keys.length)]!
    this.#time += 1000
    const late = this.#random() < 0.1 ? Math.floor(this.#random() * 50_000) : 0
    const time = this.#time - late
    const price = (100 + Math.floor(this.#random() * 1000) / 100).toString()
    const status = this.#random() < 0.02 ? 'halted' : 'trading'
    const kind = this.#random()
    if (kind < 0.4) return makeQuote(key, time, { last: price, lastSize: '1', status })
    if (kind < 0.8) {
      const book = { bid: price, bidSize: '2', ask: price, askSize: null }
      return makeQuote(key, time, { channel: '@book', seq: String(++this.#sequence), seqKind: 'u', status, ...book })
    }
    const stats = { open: '1', high: '2', low: '0.5', prevClose: null, volume: price, turnover: null }
    return makeQuote(key, time, {
      channel: '24hr',
      last: price,
      lastSize: null,
      window: 'rolling24h',
      status,
      ...stats
    })
  }
}
