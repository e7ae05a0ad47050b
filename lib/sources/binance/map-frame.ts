import type { Mapping, Observation } from '../source.ts'
import { errorOf } from './errors.ts'
import { parseExactJson } from './exact-json.ts'
import { isPayload, type Payload } from './fields.ts'
import { mapEntries } from './make-quote.ts'
import { bookTicker, CHANNEL_OF_EVENT, type StreamChannel } from './stream-channels.ts'
import { unreadable } from './unreadable.ts'

/** Events of the venue, spot or derivatives, that carry nothing for a quote; they are counted by their name. */
const OTHER_EVENTS: ReadonlySet<unknown> = new Set([
  'depthUpdate',
  'depth',
  'aggTrade',
  'kline',
  'avgPrice',
  '1hTicker',
  '4hTicker',
  '1dTicker',
  'continuous_kline',
  'markPriceUpdate',
  'markPrice',
  'indexPriceUpdate',
  'index',
  'compositeIndex',
  'openInterest',
  'forceOrder',
  'contractInfo',
  'assetIndexUpdate'
])

/** Reads one frame of the stream, raw (`/ws`) or wrapped (`/stream`). Never throws. */
export function mapFrame(frame: string, seen: Observation): Mapping {
  let parsed: unknown
  try {
    parsed = parseExactJson(frame)
  } catch {
    return unreadable('not JSON', frame)
  }
  if (Array.isArray(parsed)) return mapArray(parsed, frame, seen)
  if (!isPayload(parsed)) return unreadable('not an object', frame)
  if (parsed.stream === undefined || parsed.data === undefined) return mapPayload(parsed, frame, seen)
  if (parsed.stream === '!serverShutdown') return { kind: 'shutdown' }
  if (Array.isArray(parsed.data)) return mapArray(parsed.data, frame, seen)
  if (isPayload(parsed.data)) return mapPayload(parsed.data, frame, seen)
  return unreadable('wrapper without an object', frame)
}

function mapPayload(payload: Payload, frame: string, seen: Observation): Mapping {
  const channel = channelOf(payload)
  if (channel !== undefined) {
    if (!channel.isSpot(payload)) return { kind: 'ignored', reason: `not spot: ${payload.e}` }
    return mapEntries(channel, [payload], seen)
  }
  if (payload.e === 'serverShutdown') return { kind: 'shutdown' }
  if (OTHER_EVENTS.has(payload.e)) return { kind: 'ignored', reason: String(payload.e) }
  if (payload.e !== undefined) return unreadable('unknown event', frame)
  if (payload.bids !== undefined && payload.asks !== undefined && payload.lastUpdateId !== undefined) {
    return { kind: 'ignored', reason: 'depth' }
  }
  return mapAnswer(payload, frame, seen)
}

/** The answer to a message of ours. */
function mapAnswer(payload: Payload, frame: string, seen: Observation): Mapping {
  if (payload.result !== undefined) {
    return { kind: 'ignored', reason: payload.result === null ? 'ack' : 'subscriptions' }
  }
  const refusal = isPayload(payload.error) ? payload.error : payload
  return errorOf(refusal, seen) ?? unreadable('unknown form', frame)
}

/** The all-market streams send one kind of entry; an entry of another kind among them is refused like a broken one. */
function mapArray(entries: readonly unknown[], frame: string, seen: Observation): Mapping {
  const [first] = entries
  if (first === undefined) return { kind: 'ignored', reason: 'empty' }
  if (!isPayload(first)) return unreadable('array without objects', frame)
  const channel = channelOf(first)
  if (channel === undefined || !channel.isSpot(first)) return mapPayload(first, frame, seen)
  return mapEntries(channel, entries, seen)
}

function channelOf(payload: Payload): StreamChannel | undefined {
  if (payload.e !== undefined) return CHANNEL_OF_EVENT.get(payload.e)
  return payload.u !== undefined && payload.b !== undefined && payload.a !== undefined ? bookTicker : undefined
}
