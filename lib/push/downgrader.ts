import type { Clock } from './clock.ts'
import type { Group } from './group.ts'
import type { GroupTable } from './group-table.ts'
import type { FixedLimits } from './live-limits.ts'
import { intervalAt, type Pace } from './pace.ts'
import type { PushCounters } from './push-counters.ts'
import type { Session } from './session.ts'
import { type Signature, signatureId } from './signature.ts'
import type { Stretch } from './stretch.ts'
import type { LiveSubscription } from './subscription.ts'

/** Clients that one look tells of stretched intervals: the others hear of them with the next. */
const TOLD_PER_LOOK = 1_000

export interface DowngraderDeps {
  readonly sessions: Iterable<Session>
  readonly groups: GroupTable
  readonly stretch: Stretch
  readonly clock: Pick<Clock, 'nowMs'>
  readonly limits: FixedLimits
  readonly counters: PushCounters
  /** Told of every change of a session's subscriptions. */
  onChange(session: Session): void
}

/**
 * Makes the subscriptions of slow clients slower, and fast again when they keep up. A step is a change of group: the client is first
 * given all that it lacks in the old one, so that it has everything up to the board's position when it joins the new one, and needs no
 * snapshot. That takes room, so a step down waits until the client has taken what was sent before.
 */
export class Downgrader {
  readonly #deps: DowngraderDeps

  constructor(deps: DowngraderDeps) {
    this.#deps = deps
  }

  /** One look at all subscriptions, several times per second. */
  look(nowMs: number): void {
    let told = 0
    for (const session of this.#deps.sessions) {
      if (!session.isOpen) continue
      let isDue = false
      for (const subscription of session.subscriptions.values()) {
        if (subscription.pace === undefined) continue
        if (told < TOLD_PER_LOOK && this.#tellStretch(session, subscription)) told++
        if (this.#judge(session, subscription, nowMs)) isDue = true
      }
      if (isDue) this.act(session)
    }
  }

  /** Takes the steps of a client that are due, as far as there is room. */
  act(session: Session): void {
    for (const subscription of session.live) if (subscription.pace.isDue) this.#step(session, subscription, 1)
  }

  /** @returns whether a step down is due. */
  #judge(session: Session, subscription: LiveSubscription, nowMs: number): boolean {
    const { group, member, pace } = subscription
    if (group.signature.mode !== 'conflate') return false
    if (pace.isDue) return true
    const { isLagging } = session
    const verdict = pace.judge.look({ nowMs, ticks: group.ticks, skipped: member.skippedTicks, isLagging })
    if (verdict === 'slow') pace.isDue = true
    else if (verdict === 'well' && pace.level > 0) this.#step(session, subscription, -1)
    return pace.isDue
  }

  #step(session: Session, subscription: LiveSubscription, change: 1 | -1): void {
    const { groups, stretch, counters, onChange } = this.#deps
    const { group: old, member: before, pace } = subscription
    const to = this.#target(session, pace, change)
    if (to === undefined) {
      pace.begin(pace.level, this.#progress(old, before.skippedTicks))
      return
    }
    if (!before.finish()) return
    // In this order, so that what the groups share stays.
    const group = groups.open(to.signature)
    const member = group.join(session)
    session.remove(old.sid)
    groups.leave(old, before)
    session.add({ group, member, pace })
    pace.move(old.sid, group.sid)
    pace.begin(to.level, this.#progress(group, 0))
    const intervalMs = stretch.of(to.signature.intervalMs)
    pace.toldMs = intervalMs
    const reason = change > 0 ? 'slow_client' : 'recovered'
    counters[change > 0 ? 'downgrades' : 'recoveries']++
    session.send({ type: 'downgraded', from: old.sid, sid: group.sid, intervalMs, reason })
    member.resume([])
    onChange(session)
  }

  /** The next level, over those whose sid means another subscription to the client; undefined where there is none. */
  #target(session: Session, pace: Pace, change: 1 | -1): { level: number; signature: Signature } | undefined {
    const { maxIntervalMs } = this.#deps.limits
    const { asked } = pace
    const taken = new Set(session.live.flatMap(one => (one.pace === pace ? [] : one.pace.sids)))
    let beforeMs = intervalAt(asked.intervalMs, pace.level, maxIntervalMs)
    for (let level = pace.level + change; level >= 0; level += change) {
      const intervalMs = intervalAt(asked.intervalMs, level, maxIntervalMs)
      if (intervalMs === beforeMs) return undefined
      beforeMs = intervalMs
      const signature = { ...asked, intervalMs }
      if (!taken.has(signatureId(signature))) return { level, signature }
    }
    return undefined
  }

  #progress({ ticks }: Group, skipped: number) {
    return { nowMs: this.#deps.clock.nowMs(), ticks, skipped, isLagging: false }
  }

  /** Tells a client how often its subscription ticks now, where that has changed for all clients. */
  #tellStretch(session: Session, { group: { sid, signature }, pace }: LiveSubscription): boolean {
    const intervalMs = this.#deps.stretch.of(signature.intervalMs)
    if (intervalMs === pace.toldMs || signature.mode === 'latest' || !session.hasRoom(0)) return false
    const reason = intervalMs > pace.toldMs ? 'overload' : 'recovered'
    pace.toldMs = intervalMs
    session.send({ type: 'downgraded', sid, intervalMs, reason })
    return true
  }
}
