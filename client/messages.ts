import type { Row, RowField } from './row.ts'

/** The client protocol `quotes.v1` as this client speaks it. What it does not know, a type or a field, it ignores. */
export const SUBPROTOCOL = 'quotes.v1.json'
export const STREAM_PATH = '/v1/stream'

/** `conflate`: the latest per instrument and interval. `all`: every update. `latest`: a snapshot now and at each `resync`. */
export type Mode = 'conflate' | 'all' | 'latest'

/** `replay`: the updates that were missed. `latest`: a snapshot in their place. */
export type ResumePolicy = 'replay' | 'latest'

export interface SubscriptionRequest<F extends RowField = RowField> {
  keys?: readonly string[]
  /** `venue:type:symbol` with `*` for any of the three. */
  patterns?: readonly string[]
  /** All that are usual, when absent. */
  fields?: readonly F[]
  /** At most one frame per interval; 0, the default, is as soon as possible. */
  intervalMs?: number
  mode?: Mode
  /** False to begin without the rows of now. */
  snapshot?: boolean
  /** To go on from a position that an earlier client had. */
  since?: { epoch: string; q: number; policy?: ResumePolicy } | undefined
}

export type SubscriptionChanges<F extends RowField = RowField> = Pick<
  SubscriptionRequest<F>,
  'fields' | 'intervalMs' | 'mode'
>

/** A subscription as the gateway sees it. */
export interface SubscriptionInfo {
  sid: string | null
  keys: number
  patterns: number
  /** Instruments with a value now. */
  matched: number
  intervalMs: number
  mode: Mode
  epoch: string
  q: number
  recovered?: boolean
  /** The sid that it had before, where that has changed. */
  from?: string
}

/** A key or a pattern that was left out of a subscription. */
export interface Rejection {
  key?: string
  pattern?: string
  code: number
  message: string
}

export interface Welcome {
  type: 'welcome'
  v: number
  session: string
  resumeToken?: string
  node: string
  epoch: string
  /** Microseconds since the epoch. */
  time: number
  auth: 'none' | 'optional' | 'required'
  limits: { messagesPerSecond: number; messageBytes: number; [name: string]: number }
  features: readonly string[]
}

/** What a login gave. */
export interface Login {
  type: 'ok'
  /** Null for somebody anonymous. */
  user: string | null
  plan: string
  /** Microseconds since the epoch; null is never. */
  expiresAt: number | null
}

/** How a source or an instrument is doing. */
export interface Status {
  type: 'status'
  scope: 'source' | 'instrument'
  id: string
  state: 'ok' | 'stale' | 'halted' | 'closed' | 'down'
  since: number
}

export interface Snapshot {
  type: 'snapshot'
  sid: string
  epoch: string
  q: number
  /** Whether it is the last of its frames. */
  final: boolean
  data: Row[]
}

export interface Quotes {
  type: 'quotes'
  sid: string
  q: number
  time: number
  data: Row[]
}

export interface Bye {
  type: 'bye'
  reason: string
  close: number
  reconnectAfterMs?: number
  resume?: boolean
}

export interface ErrorMessage {
  type: 'error'
  id: number | null
  code: number
  name: string
  message: string
  retry: boolean
  retryAfterMs?: number
}

/** What answers the requests, by their types. */
export interface Answers {
  auth: Login & { id: number }
  subscribe: { type: 'subscribed'; id: number; subs: SubscriptionInfo[]; rejected?: Rejection[] }
  unsubscribe: { type: 'unsubscribed'; id: number; sids: string[] }
  update: { type: 'updated'; id: number; from: string; sub: SubscriptionInfo }
  list: { type: 'subscriptions'; id: number; subs: SubscriptionInfo[] }
  resync: { type: 'resynced'; id: number; sids: string[] }
  resume: {
    type: 'resumed'
    id: number
    recovered: boolean
    replayed?: number
    reason?: string
    /** What goes on; the rest is asked for anew. */
    subs?: SubscriptionInfo[]
  }
}

export const ANSWER_TYPES = {
  auth: 'ok',
  subscribe: 'subscribed',
  unsubscribe: 'unsubscribed',
  update: 'updated',
  list: 'subscriptions',
  resync: 'resynced',
  resume: 'resumed'
} as const satisfies { [Request in keyof Answers]: Answers[Request]['type'] }

export type ServerMessage =
  | Welcome
  | Snapshot
  | Quotes
  | Status
  | Bye
  | ErrorMessage
  | Answers[keyof Answers]
  | { type: 'hb'; time: number; pos?: { sid: string; q: number }[] }
  | { type: 'lag'; sid: string; skippedTicks: number }
  /** With `from`, `sid` is a new one that goes on where that stood. */
  | { type: 'downgraded'; from?: string; sid: string; intervalMs: number; reason: string }
  | { type: 'expiring'; inMs: number }

export type ClientMessage =
  | { type: 'auth'; token?: string; key?: string }
  | { type: 'subscribe'; subs: SubscriptionRequest[] }
  | { type: 'unsubscribe'; sids: string[] }
  | ({ type: 'update'; sid: string } & SubscriptionChanges)
  | { type: 'list' }
  | { type: 'resync'; sids: string[] }
  | {
      type: 'resume'
      session: string
      resumeToken: string
      epoch: string
      /** What was seen of each subscription. */
      pos: { sid: string; q: number }[]
      policy: ResumePolicy
    }
