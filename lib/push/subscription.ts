import type { Group } from './group.ts'
import type { Member } from './member.ts'
import type { Pace } from './pace.ts'
import type { Playback } from './playback.ts'

/** A subscription to what is live. */
export interface LiveSubscription {
  readonly group: Group
  readonly member: Member
  readonly pace: Pace
  readonly playback?: undefined
}

/** A subscription to a part of history. */
export interface PlaybackSubscription {
  readonly group: Group
  readonly member: Member
  readonly pace?: undefined
  /** What feeds the group. */
  readonly playback: Playback
}

/** One of a session's subscriptions. */
export type Subscription = LiveSubscription | PlaybackSubscription
