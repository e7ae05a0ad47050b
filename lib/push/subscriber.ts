import { parseKey } from '../instruments/instrument-key.ts'
import type { BoardTable } from './board-table.ts'
import type { Clock } from './clock.ts'
import type { GroupTable } from './group-table.ts'
import type { LiveLimits } from './live-limits.ts'
import { MessageError } from './message-error.ts'
import { Pace } from './pace.ts'
import type { PlaybackInfo } from './playback-request.ts'
import type { Playbacks, Wanted } from './playbacks.ts'
import type { Rejection, RequestId, SubscriptionInfo, SubscriptionRequest } from './protocol.ts'
import { requestedSignature } from './requested-signature.ts'
import { resumptionOf, type Since } from './resumption.ts'
import type { Session } from './session.ts'
import { type Signature, signatureId } from './signature.ts'
import { SlowClient } from './slow-client.ts'
import type { Subscription } from './subscription.ts'
import { infoOf } from './subscription-info.ts'

export interface SubscriberDeps {
  readonly board: BoardTable
  readonly groups: GroupTable
  readonly clock: Pick<Clock, 'nowMs'>
  readonly limits: LiveLimits
  readonly playbacks: Playbacks
  /** Whether there is such an instrument; one that is on the board is known anyway. */
  isKnown(key: string): boolean
  /** Told of a valid key that has no value yet. */
  onWanted(key: string): void
  /** False while the board is being loaded. */
  isReady(): boolean
  /** Told of every change of a session's subscriptions. */
  onChange(session: Session): void
  /** Resolves to whether the board has reached a position within a moment. */
  reach(q: number): Promise<boolean>
}

/** A subscription that was joined. */
export interface Begun {
  readonly info: SubscriptionInfo
  /** Gives the client what it lacks; to be called once it was told of the subscription. */
  readonly start: () => void
}

const RETRY_NOT_READY_MS = 500
const RETRY_SLOW_MS = 1000

/** Makes and ends subscriptions, within what a client may have. */
export class Subscriber {
  readonly #deps: SubscriberDeps

  constructor(deps: SubscriberDeps) {
    this.#deps = deps
  }

  /** Subscribes, when the gateway has reached the positions from which the client wants to go on. */
  subscribe(session: Session, id: RequestId, requests: SubscriptionRequest[]): void | Promise<void> {
    const { board, reach } = this.#deps
    const q = Math.max(0, ...requests.map(({ since }) => (since?.epoch === board.epoch ? since.q : 0)))
    if (q <= board.position) return this.#subscribeNow(session, id, requests)
    return reach(q).then(() => {
      if (session.isOpen) this.#subscribeNow(session, id, requests)
    })
  }

  #subscribeNow(session: Session, id: RequestId, requests: SubscriptionRequest[]): void {
    this.checkReady(session, id)
    const rejected: Rejection[] = []
    const wanted = requests.map(request => ({ request, signature: this.signature(session, request, id, rejected) }))
    this.checkLimits(
      session,
      id,
      wanted.map(({ signature }) => signature)
    )
    const parts = this.#deps.playbacks.check(session, wanted, id)

    const subs: SubscriptionInfo[] = []
    const begun: Begun[] = []
    let room = this.#deps.limits.current.replayRows
    for (const { request, signature } of wanted) {
      if (signature.keys.length + signature.patterns.length === 0) {
        subs.push(this.#nothing(signature, request))
        continue
      }
      const part = parts.get(request)
      if (part !== undefined) {
        const begin = this.#beginPlayback(session, { request, signature }, part)
        subs.push(begin.info)
        begun.push(begin)
        continue
      }
      const { since, snapshot } = request
      const begin = this.begin(session, signature, since ?? undefined, room)
      room -= begin.info.replayed ?? 0
      subs.push(begin.info)
      if (snapshot || since !== null || signature.mode === 'latest') begun.push(begin)
    }
    session.send({ type: 'subscribed', id, subs, rejected })
    for (const { start } of begun) start()
    for (const { request, signature } of wanted) if (request.playback === undefined) this.#want(signature)
    this.#deps.onChange(session)
  }

  /**
   * Joins a subscription.
   * @param maxRows that may be replayed, so that one message is never answered with too much
   */
  begin(session: Session, signature: Signature, since: Since | undefined, maxRows: number): Begun {
    const subscription = this.join(session, signature)
    const { group, member } = subscription
    if (since === undefined || signature.mode === 'latest')
      return { info: infoOf(subscription), start: () => member.restart() }
    const resumption = resumptionOf(group, since, maxRows)
    if (!resumption.isRecovered) {
      const { reason } = resumption
      return { info: { ...infoOf(subscription), recovered: false, reason }, start: () => member.restart() }
    }
    const { rows } = resumption
    return {
      info: { ...infoOf(subscription), recovered: true, replayed: rows.length },
      start: () => member.resume(rows)
    }
  }

  #beginPlayback(session: Session, wanted: Wanted, part: PlaybackInfo): Begun {
    const subscription = this.#deps.playbacks.open(session, wanted, part)
    return { info: infoOf(subscription), start: () => void subscription.playback.play() }
  }

  /** The subscription with this signature; the one that the session has already, if it has, also where that goes more slowly now. */
  join(session: Session, signature: Signature): Subscription {
    const sid = signatureId(signature)
    for (const existing of session.live) if (existing.pace.askedSid === sid) return existing
    for (const { pace } of session.live) pace.sids = pace.sids.filter(one => one !== sid)
    // What was made as slow as that is now asked to be.
    const { group, member } = session.subscriptions.get(sid) ?? this.#enter(session, signature)
    const { clock, limits } = this.#deps
    const beginning = { nowMs: clock.nowMs(), ticks: group.ticks, skipped: member.skippedTicks, isLagging: false }
    const subscription = {
      group,
      member,
      pace: new Pace(group.signature, sid, new SlowClient(limits.current, beginning))
    }
    session.add(subscription)
    return subscription
  }

  #enter(session: Session, signature: Signature): Pick<Subscription, 'group' | 'member'> {
    const group = this.#deps.groups.open(signature)
    return { group, member: group.join(session) }
  }

  leave(session: Session, { group, member, playback }: Subscription): void {
    session.remove(group.sid)
    if (playback === undefined) this.#deps.groups.leave(group, member)
    else this.#deps.playbacks.close(playback)
  }

  /** What a request asks for, as far as its client may see it. @throws MessageError when it is refused as a whole */
  signature(session: Session, request: SubscriptionRequest, id: RequestId, rejected: Rejection[]): Signature {
    const { board, isKnown } = this.#deps
    // What nobody trades any more may be played.
    const isThere = (key: string): boolean =>
      request.playback === undefined ? board.entries.has(key) || isKnown(key) : parseKey(key) !== undefined
    const { rights, encoding } = session
    return requestedSignature({ request, rights, encoding: encoding.name, isThere, id, rejected })
  }

  /** @throws MessageError while nothing can be subscribed to */
  checkReady(session: Session, id: RequestId): void {
    if (!this.#deps.isReady()) throw new MessageError(503, 'the board is being loaded', id, RETRY_NOT_READY_MS)
    if (!session.hasRoom(0))
      throw new MessageError(407, 'the connection has not taken what was sent before', id, RETRY_SLOW_MS)
  }

  /** @throws MessageError when the session would have more than it may, with these */
  checkLimits(session: Session, id: RequestId, signatures: readonly { readonly keys: readonly string[] }[]): void {
    const { limits } = session.rights
    const symbols = signatures.reduce((sum, { keys }) => sum + keys.length, session.symbols)
    if (symbols > limits.symbols)
      throw new MessageError(405, `expected at most ${limits.symbols} keys per connection, got ${symbols}`, id)
    const subscriptions = session.subscriptions.size + signatures.length
    if (subscriptions > limits.subscriptions)
      throw new MessageError(405, `expected at most ${limits.subscriptions} subscriptions, got ${subscriptions}`, id)
  }

  #want({ keys }: Signature): void {
    for (const key of keys) if (this.#deps.board.entries.get(key)?.row.candidates.size === 0) this.#deps.onWanted(key)
  }

  #nothing(signature: Signature, request: SubscriptionRequest): SubscriptionInfo {
    const { epoch, position: q } = this.#deps.board
    return {
      sid: null,
      keys: 0,
      patterns: 0,
      matched: 0,
      intervalMs: signature.intervalMs,
      mode: request.mode,
      epoch,
      q
    }
  }
}
