import type { Mapping, Observation, RestCall, RestResponse, Source } from '../../lib/sources/source.ts'
import { SourceError } from '../../lib/sources/source.ts'

const COST = { weight: 1 }

/** Keys of the venue `fake`; its symbols are the last part of the key. */
function symbolOf(key: string): string {
  const [venue, , symbol = ''] = key.split(':')
  if (venue !== 'fake') throw new SourceError('unsupported_key', `expected a key of fake, got ${key}`)
  return symbol
}

/**
 * A venue whose answers are `{"quotes": {symbol: price}}`, `{"instruments": [symbol]}` or `{"error": code}`; ten
 * symbols are asked for in one call.
 */
export const fakeSource: Source = {
  name: 'fake',
  symbolOf,
  rest: {
    channels: ['price', 'instruments'],
    baseUrl: 'https://fake.example',
    limits: [{ name: 'weight', limit: 1_000_000, windowMs: 60_000 }],
    plan(channel, keys) {
      if (channel === 'instruments') return [{ channel, path: '/instruments', cost: COST, keys: [] }]
      if (channel !== 'price') throw new SourceError('unsupported_channel', `expected price, got ${channel}`)
      const calls: RestCall[] = []
      for (let i = 0; i < keys.length; i += 10) {
        const chunk = keys.slice(i, i + 10)
        calls.push({ channel, path: `/price?symbols=${chunk.map(symbolOf).join(',')}`, cost: COST, keys: chunk })
      }
      return calls
    },
    mapResponse
  }
}

function mapResponse(call: RestCall, response: RestResponse, seen: Observation): Mapping {
  let body: { quotes?: Record<string, string>; instruments?: string[]; error?: 'bad_symbol' | 'throttled' }
  try {
    body = JSON.parse(response.body)
  } catch {
    return { kind: 'unreadable', reason: 'not JSON', sample: response.body.slice(0, 20) }
  }
  if (response.status >= 500) return { kind: 'error', code: 'unavailable', message: `HTTP ${response.status}` }
  if (body.error !== undefined) return { kind: 'error', code: body.error, message: `the venue said ${body.error}` }
  if (body.instruments !== undefined) {
    const instruments = body.instruments.map(symbol => ({
      key: `fake:spot:${symbol}`,
      venueSymbol: symbol,
      name: null,
      base: null,
      currency: null,
      tickSize: null,
      lotSize: null,
      multiplier: null,
      calendar: null,
      status: 'trading' as const
    }))
    return { kind: 'instruments', instruments, refused: [] }
  }
  const quotes = Object.entries(body.quotes ?? {}).map(([symbol, last]) => {
    const key = seen.keyOf(symbol) ?? symbol
    const { provider, slot, egress, receivedTime, observedTime } = seen
    return {
      id: `${key}|price|${slot}`,
      key,
      status: 'unknown' as const,
      seq: null,
      seqKind: null,
      exchangeTime: null,
      receivedTime,
      observedTime,
      publishedTime: 0,
      last,
      lastSize: null,
      src: { kind: 'rest' as const, provider, channel: call.channel, slot, egress }
    }
  })
  return { kind: 'quotes', quotes, refused: [] }
}
