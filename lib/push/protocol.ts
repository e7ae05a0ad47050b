import type { Credential } from '../access/credential.ts'
import type { SourceState } from '../quote/events.ts'
import type { Micros } from '../quote/quote.ts'
import type { PushLimits } from './limits.ts'
import type { PlaybackInfo, PlaybackRequest, Speed } from './playback-request.ts'
import type { CloseReason, ErrorCode, ErrorName } from './protocol-codes.ts'
import type { RowField } from './row-field.ts'
import type { Mode } from './signature.ts'

/** The client protocol `quotes.v1`: `docs/protocol.md` describes it, this file types it. */
export const STREAM_PATH = '/v1/stream'
/** The subprotocols by what their messages are encoded in. */
export const SUBPROTOCOLS = { json: 'quotes.v1.json', msgpack: 'quotes.v1.msgpack' } as const
export type EncodingName = keyof typeof SUBPROTOCOLS

/** What the welcome announces: only what this version does. */
export const FEATURES = ['fields', 'patterns', 'update', 'all', 'resume', 'since', 'rows', 'msgpack'] as const

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
  /** Whether rows come as lists of values. */
  rows: boolean
  snapshot: boolean
  /** From where the client wants to go on; null to begin with a snapshot. */
  since: { epoch: string; q: number; policy: ResumePolicy } | null
  /** What of history is wanted in place of now. */
  playback?: PlaybackRequest
}

/** What of a live subscription may be changed. */
export type SubscriptionChanges = Partial<
  Pick<SubscriptionRequest, 'intervalMs' | 'mode' | 'rows'> & { fields: RowField[] }
>

/** `replay`: every missed update, or the last of each symbol where updates are conflated. `latest`: a snapshot. */
export const RESUME_POLICIES = ['replay', 'latest'] as const
export type ResumePolicy = (typeof RESUME_POLICIES)[number]

/** Why missed updates were not replayed, so that a snapshot comes in their place. */
export type ResumeFailure =
  | 'epoch_changed'
  | 'too_old'
  | 'too_many'
  | 'unknown_session'
  | 'policy_latest'
  | 'no_position'
  /** This gateway has not seen what the client has. */
  | 'gateway_behind'
  /** What the client may see has changed, so that a subscription is another one, or gone. */
  | 'rights_changed'

/** `recovered` tells of a step back towards what was asked for. */
export type DowngradeReason = 'slow_client' | 'overload' | 'recovered'

export type ClientMessage =
  | { type: 'subscribe'; id: RequestId; subs: SubscriptionRequest[] }
  | { type: 'unsubscribe'; id: RequestId; sids: string[] }
  | ({ type: 'update'; id: RequestId; sid: string; speed?: Speed } & SubscriptionChanges)
  | { type: 'list'; id: RequestId }
  /** Without `sids` all subscriptions are meant. */
  | { type: 'resync'; id: RequestId; sids: string[] | null }
  | { type: 'auth'; id: RequestId; credential: Credential }
  | {
      type: 'resume'
      id: RequestId
      session: string
      resumeToken: string
      epoch: string
      pos: { sid: string; q: number }[]
      policy: ResumePolicy
    }

/** The limits of a connection as clients are told them. */
export interface PublicLimits {
  symbols: number
  subscriptions: number
  messagesPerSecond: number
  messageBytes: number
  minIntervalMs: number
  maxIntervalMs: number
  /** How long after its end a session may be resumed, in seconds. */
  resumeWindowS: number
  /** Playbacks of history at a time, the instruments of each, and how long a part of history each may show. */
  playbacks: number
  playbackKeys: number
  playbackSpanS: number
}

export function publicLimits(limits: PushLimits): PublicLimits {
  const { symbols, subscriptions, messagesPerSecond, messageBytes, minIntervalMs, maxIntervalMs } = limits
  return {
    symbols,
    subscriptions,
    messagesPerSecond,
    messageBytes,
    minIntervalMs,
    maxIntervalMs,
    resumeWindowS: limits.resumeWindowMs / 1000,
    playbacks: limits.playbacksPerConnection,
    playbackKeys: limits.playbackKeys,
    playbackSpanS: limits.playbackSpanMs / 1000
  }
}

export interface Welcome {
  type: 'welcome'
  v: 1
  session: string
  /** With it the session may be resumed after the connection has ended. */
  resumeToken: string
  node: string
  epoch: string
  time: Micros
  heartbeatMs: number
  /** Whether a login is of any use here, or demanded. */
  auth: 'none' | 'optional' | 'required'
  /** Who has not logged in by then is closed; only where a login is demanded and not done. */
  authDeadlineMs?: number
  limits: PublicLimits
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
  /** The names of a row's values, where rows are lists; see `columnsOf`. */
  cols?: string[]
  /** The sid that it had before, where that has changed. */
  from?: string
  /** Present where the client wanted to go on from a position: whether it got what it missed. */
  recovered?: boolean
  /** Rows that it missed. */
  replayed?: number
  reason?: ResumeFailure
  /** Present where it plays history. */
  replay?: PlaybackInfo
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

/** A playback of history has ended: everything observed before `time` was shown, in `rows` rows. */
export interface Played {
  type: 'played'
  sid: string
  q: number
  time: Micros
  rows: number
  /** Present where it ended before its time; it may be gone on with from `time`. */
  code?: ErrorCode
  name?: ErrorName
  message?: string
}

export interface Bye {
  type: 'bye'
  reason: CloseReason
  close: number
  inMs: number
  /** A time of its own for every client, so that they do not all come back at once. */
  reconnectAfterMs: number
  /** Whether the session may be resumed on the next connection. */
  resume: boolean
}

/** What the server sends, except `snapshot` and `quotes`, whose frames are encoded in `frames.ts`. */
export type ServerMessage =
  | Welcome
  /** A login has succeeded; `id` is null for one that came with the request. */
  | { type: 'ok'; id: RequestId; user: string | null; plan: string; expiresAt: Micros | null; limits: PublicLimits }
  /** The login ends after so long, and the connection with it, unless there is another `auth`. */
  | { type: 'expiring'; inMs: number }
  | { type: 'subscribed'; id: RequestId; subs: SubscriptionInfo[]; rejected: Rejection[] }
  | { type: 'unsubscribed'; id: RequestId; sids: string[] }
  | { type: 'updated'; id: RequestId; from: string; sub: SubscriptionInfo }
  | { type: 'subscriptions'; id: RequestId; subs: SubscriptionInfo[] }
  | { type: 'resynced'; id: RequestId; sids: string[] }
  /** `recovered` when all subscriptions are; each tells for itself. */
  | {
      type: 'resumed'
      id: RequestId
      recovered: boolean
      reason?: ResumeFailure
      replayed: number
      subs: SubscriptionInfo[]
      rejected: Rejection[]
    }
  | { type: 'hb'; time: Micros; pos: { sid: string; q: number }[] }
  | { type: 'lag'; sid: string; skippedTicks: number }
  /** Ticks come at another interval now; `from` is the sid until now, where that has changed. */
  | { type: 'downgraded'; from?: string; sid: string; intervalMs: number; reason: DowngradeReason }
  | { type: 'status'; scope: 'source' | 'instrument'; id: string; state: SourceState; since: Micros }
  | Played
  | Bye
  | ErrorMessage
