import type { Micros } from '../quote/quote.ts'
import type { PlaybackInfo } from './playback-request.ts'
import { type PublicLimits, publicLimits } from './protocol.ts'
import type { RowField } from './row-field.ts'
import type { Session, SessionOrigin } from './session.ts'
import type { Mode } from './signature.ts'
import type { Subscription } from './subscription.ts'

/** Of what a subscription names, so much is shown. */
const SHOWN_NAMES = 20
/** Of a session's subscriptions, so many are shown. */
const SHOWN_SUBSCRIPTIONS = 100

/** One session as administrators see it in a list. Nothing in it lets anybody go on with the session or log in. */
export interface SessionSummary {
  id: string
  /** Counts the sessions of a gateway in the order of their coming. */
  serial: number
  /** Null for anonymous, and for somebody who has yet to log in. */
  user: string | null
  /** Null for somebody who has yet to log in. */
  plan: string | null
  /** What its connections are counted under: behind trusted proxies, and an IPv6 /64 as one. */
  address: string
  transport: SessionOrigin['transport']
  connectedAt: Micros
  subscriptions: number
  /** Keys that they name. */
  symbols: number
  messages: number
  unsentBytes: number
  /** Ticks that its subscriptions were left out of because it was slow. */
  skippedTicks: number
  /** Whether it waits for room to catch up. */
  isBehind: boolean
  /** How far behind the client is by the echo of its ping; null before the first and for events. */
  lagMs: number | null
}

export interface SubscriptionView {
  sid: string
  mode: Mode
  intervalMs: number
  fields: readonly RowField[]
  keys: number
  firstKeys: string[]
  patterns: number
  firstPatterns: string[]
  /** Instruments with a value now. */
  matched: number
  /** Everything at or below it was sent, or superseded. Of a playback it is a position of its own. */
  q: number
  skippedTicks: number
  isBehind: boolean
  /** The part of history that it plays; null for what is live. */
  replay: PlaybackInfo | null
}

/** One session with its first 100 subscriptions, and what it may do. */
export interface SessionDetails extends SessionSummary {
  epoch: string
  /** Where the board is, to compare with the positions of the live subscriptions. */
  q: number
  subs: SubscriptionView[]
  rights: { patterns: string[]; expiresAt: Micros | null; limits: PublicLimits }
}

export function summaryOf(session: Session): SessionSummary {
  const { id, origin, rights, messages, unsentBytes, isBehind, skippedTicks, lagMs } = session
  return {
    id,
    serial: origin.serial,
    user: rights.identity?.user ?? null,
    plan: rights.identity?.plan.name ?? null,
    address: origin.address,
    transport: origin.transport,
    connectedAt: origin.connectedAt,
    subscriptions: session.subscriptions.size,
    symbols: session.symbols,
    messages,
    unsentBytes,
    skippedTicks,
    isBehind,
    lagMs
  }
}

export function detailsOf(session: Session, board: { epoch: string; position: number }): SessionDetails {
  const { entitlement, identity, limits } = session.rights
  return {
    ...summaryOf(session),
    epoch: board.epoch,
    q: board.position,
    subs: session.subscriptions.values().take(SHOWN_SUBSCRIPTIONS).map(viewOf).toArray(),
    rights: {
      patterns: entitlement.patterns.map(({ text }) => text),
      expiresAt: identity?.expiresAt ?? null,
      limits: publicLimits(limits)
    }
  }
}

function viewOf({ group, member, playback }: Subscription): SubscriptionView {
  const { keys, patterns, fields, intervalMs, mode } = group.signature
  return {
    sid: group.sid,
    mode,
    intervalMs,
    fields,
    keys: keys.length,
    firstKeys: keys.slice(0, SHOWN_NAMES),
    patterns: patterns.length,
    firstPatterns: patterns.slice(0, SHOWN_NAMES).map(({ text }) => text),
    matched: group.matched,
    q: member.safePosition,
    skippedTicks: member.skippedTicks,
    isBehind: member.isBehind,
    replay: playback?.info ?? null
  }
}
