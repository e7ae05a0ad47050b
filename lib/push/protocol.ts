import type { SourceState } from '../quote/events.ts'
import type { Micros } from '../quote/quote.ts'
import type { CloseReason, ErrorCode, ErrorName } from './protocol-codes.ts'
import type { RowField } from './row-field.ts'
import type { Mode } from './signature.ts'

/** The client protocol `quotes.v1` over WebSocket: `docs/protocol.md` describes it, this file types it. */
export const STREAM_PATH = '/v1/stream'
export const SUBPROTOCOL = 'quotes.v1.json'

/** What the welcome announces: only what this version does. */
export const FEATURES = ['fields', 'patterns', 'update', 'all'] as const

/** Given by the client, echoed in the answer. */
export type RequestId = string | number | null

/** Text that names a field, a key or a pattern is checked for form only where it is used. */
export interface SubscriptionRequest {
  keys: string[]
  patterns: string[]
  /** Null for the default fields. */
  fields: RowField[] | null
  intervalMs: number
  mode: Mode
  snapshot: boolean
  /** Whether the client asked to go on from a position; this version always begins with a snapshot. */
  since: boolean
}

export type ClientMessage =
  | { type: 'subscribe'; id: RequestId; subs: SubscriptionRequest[] }
  | { type: 'unsubscribe'; id: RequestId; sids: string[] }
  | { type: 'update'; id: RequestId; sid: string; fields?: RowField[]; intervalMs?: number; mode?: Mode }
  | { type: 'list'; id: RequestId }
  /** Without `sids` all subscriptions are meant. */
  | { type: 'resync'; id: RequestId; sids: string[] | null }
  | { type: 'auth'; id: RequestId }
  | { type: 'resume'; id: RequestId }

export interface Welcome {
  type: 'welcome'
  v: 1
  session: string
  node: string
  epoch: string
  time: Micros
  heartbeatMs: number
  auth: 'none'
  limits: {
    symbols: number
    subscriptions: number
    messagesPerSecond: number
    messageBytes: number
    minIntervalMs: number
    maxIntervalMs: number
  }
  features: readonly string[]
}

/** A live subscription as `subscribed`, `updated` and `subscriptions` tell it. */
export interface SubscriptionInfo {
  /** Null when every key and pattern was rejected, so that there is no subscription. */
  sid: string | null
  keys: number
  patterns: number
  /** Instruments with a value now. */
  matched: number
  intervalMs: number
  mode: Mode
  epoch: string
  q: number
  /** Present when the request had `since`: whether missed updates were replayed. */
  recovered?: false
}

export type Rejection =
  | { key: string; code: ErrorCode; message: string }
  | { pattern: string; code: ErrorCode; message: string }

export interface ErrorMessage {
  type: 'error'
  id: RequestId
  code: ErrorCode
  name: ErrorName
  message: string
  /** Whether the same message may succeed later. */
  retry: boolean
  retryAfterMs?: number
}

export interface Bye {
  type: 'bye'
  reason: CloseReason
  close: number
  inMs: number
  /** A time of its own for every client, so that they do not all come back at once. */
  reconnectAfterMs: number
  resume: false
}

/** What the server sends, except `snapshot` and `quotes`, whose frames are encoded in `frames.ts`. */
export type ServerMessage =
  | Welcome
  | { type: 'subscribed'; id: RequestId; subs: SubscriptionInfo[]; rejected: Rejection[] }
  | { type: 'unsubscribed'; id: RequestId; sids: string[] }
  | { type: 'updated'; id: RequestId; from: string; sub: SubscriptionInfo }
  | { type: 'subscriptions'; id: RequestId; subs: SubscriptionInfo[] }
  | { type: 'resynced'; id: RequestId; sids: string[] }
  | { type: 'hb'; time: Micros; pos: { sid: string; q: number }[] }
  | { type: 'lag'; sid: string; skippedTicks: number }
  | { type: 'status'; scope: 'source' | 'instrument'; id: string; state: SourceState; since: Micros }
  | Bye
  | ErrorMessage
