import { StoreError } from '../store/store-error.ts'
import type { BoardTable } from './board-table.ts'
import { entitledPart } from './entitled-part.ts'
import type { GroupTable } from './group-table.ts'
import type { PushLimits } from './limits.ts'
import { MessageError } from './message-error.ts'
import type {
  ClientMessage,
  Rejection,
  RequestId,
  ResumeFailure,
  SubscriptionInfo,
  SubscriptionRequest
} from './protocol.ts'
import type { PushCounters } from './push-counters.ts'
import { allowedInterval, requestedSignature } from './requested-signature.ts'
import { resumptionOf, type Since } from './resumption.ts'
import { canonicalFields } from './row-field.ts'
import { type Session, type Subscription, tokenHash } from './session.ts'
import type { SessionStore, StoredSession } from './session-store.ts'
import { type Signature, signatureId } from './signature.ts'

export interface ConversationDeps {
  readonly board: BoardTable
  readonly groups: GroupTable
  readonly limits: PushLimits
  readonly counters: PushCounters
  /** Whether there is such an instrument; one that is on the board is known anyway. */
  isKnown(key: string): boolean
  /** Told of a valid key that has no value yet. */
  onWanted(key: string): void
  /** False while the board is being loaded. */
  isReady(): boolean
  readonly sessions: SessionStore
  /** Told of every change of a session's subscriptions. */
  onChange(session: Session): void
  /** Resolves to whether the board has reached a position within a moment. */
  reach(q: number): Promise<boolean>
}

type ResumeMessage = Extract<ClientMessage, { type: 'resume' }>

const RETRY_NOT_READY_MS = 500
const RETRY_SLOW_MS = 1000

/** Answers the requests of clients: what each message type does. */
export class Conversation {
  readonly #deps: ConversationDeps

  constructor(deps: ConversationDeps) {
    this.#deps = deps
  }

  /** @throws MessageError when the request is refused as a whole; what takes time rejects with it. */
  answer(session: Session, message: Exclude<ClientMessage, { type: 'auth' }>): void | Promise<void> {
    if (session.rights.identity === null) throw new MessageError(401, 'expected auth before anything else', message.id)
    switch (message.type) {
      case 'subscribe':
        return this.#subscribeFrom(session, message.id, message.subs)
      case 'unsubscribe':
        this.#unsubscribe(session, message.id, message.sids)
        break
      case 'update':
        this.#update(session, message)
        break
      case 'list':
        session.send({ type: 'subscriptions', id: message.id, subs: [...session.subscriptions.values()].map(info) })
        break
      case 'resync':
        this.#resync(session, message.id, message.sids)
        break
      case 'resume':
        return this.#resume(session, message)
    }
  }

  /** Ends all subscriptions of a connection that is gone. */
  end(session: Session): void {
    for (const { group, member } of session.subscriptions.values()) this.#deps.groups.leave(group, member)
    session.subscriptions.clear()
  }

  /** Takes from a session what it may no longer see, and tells it what is left: a login has changed its rights. */
  shrink(session: Session, id: RequestId): void {
    const { entitlement, limits } = session.rights
    let isChanged = false
    for (const subscription of [...session.subscriptions.values()]) {
      const { sid, signature } = subscription.group
      const rest = entitledPart(signature, entitlement, limits.patterns)
      if (signatureId(rest) === sid) continue
      isChanged = true
      this.#leave(session, subscription)
      if (rest.keys.length + rest.patterns.length === 0) {
        session.send({ type: 'unsubscribed', id, sids: [sid] })
        continue
      }
      const next = this.#join(session, rest)
      session.send({ type: 'updated', id, from: sid, sub: info(next) })
      // While the board is being loaded, all get a snapshot at its end.
      if (this.#deps.isReady()) next.member.restart()
    }
    if (isChanged) this.#deps.onChange(session)
  }

  /** Subscribes, when the gateway has reached the positions from which the client wants to go on. */
  #subscribeFrom(session: Session, id: RequestId, requests: SubscriptionRequest[]): void | Promise<void> {
    const { board, reach } = this.#deps
    const q = Math.max(0, ...requests.map(({ since }) => (since?.epoch === board.epoch ? since.q : 0)))
    if (q <= board.position) return this.#subscribe(session, id, requests)
    return reach(q).then(() => {
      if (session.isOpen) this.#subscribe(session, id, requests)
    })
  }

  #subscribe(session: Session, id: RequestId, requests: SubscriptionRequest[]): void {
    this.#checkReady(session, id)
    const rejected: Rejection[] = []
    const wanted = requests.map(request => ({ request, signature: this.#signature(session, request, id, rejected) }))
    this.#checkLimits(
      session,
      id,
      wanted.map(({ signature }) => signature)
    )

    const subs: SubscriptionInfo[] = []
    const begun: { start: () => void }[] = []
    let room = this.#deps.limits.replayRows
    for (const { request, signature } of wanted) {
      if (signature.keys.length + signature.patterns.length === 0) {
        subs.push(this.#nothing(signature, request))
        continue
      }
      const { since, snapshot } = request
      const begin = this.#begin(session, signature, since ?? undefined, room)
      room -= begin.info.replayed ?? 0
      subs.push(begin.info)
      if (snapshot || since !== null || signature.mode === 'latest') begun.push(begin)
    }
    session.send({ type: 'subscribed', id, subs, rejected })
    for (const { start } of begun) start()
    for (const { signature } of wanted) this.#want(signature)
    this.#deps.onChange(session)
  }

  /**
   * Joins a subscription; `start` gives the client what it lacks, once it was told of it.
   * @param maxRows that may be replayed, so that one message is never answered with too much
   */
  #begin(
    session: Session,
    signature: Signature,
    since: Since | undefined,
    maxRows: number
  ): { info: SubscriptionInfo; start: () => void } {
    const subscription = this.#join(session, signature)
    const { group, member } = subscription
    if (since === undefined || signature.mode === 'latest')
      return { info: info(subscription), start: () => member.restart() }
    const resumption = resumptionOf(group, since, maxRows)
    if (!resumption.isRecovered) {
      const { reason } = resumption
      return { info: { ...info(subscription), recovered: false, reason }, start: () => member.restart() }
    }
    const { rows } = resumption
    return {
      info: { ...info(subscription), recovered: true, replayed: rows.length },
      start: () => member.resume(rows)
    }
  }

  /** Gives a connection the subscriptions of an ended one, each from where the client has it. */
  async #resume(session: Session, message: ResumeMessage): Promise<void> {
    const { id, epoch, pos } = message
    this.#checkFresh(session, id)
    const stored = await this.#take(message)
    if (stored === undefined) {
      this.#deps.counters.resumesFailed++
      const nothing = { replayed: 0, subs: [], rejected: [] }
      session.send({ type: 'resumed', id, recovered: false, reason: 'unknown_session', ...nothing })
      return
    }
    try {
      // Another gateway may have been ahead of this one.
      if (epoch === this.#deps.board.epoch) await this.#deps.reach(Math.max(0, ...pos.map(({ q }) => q)))
      if (!session.isOpen) throw new MessageError(503, 'the connection has ended', id)
      this.#goOn(session, message, stored)
    } catch (error) {
      // It may be asked for again.
      await this.#deps.sessions.save(stored).catch(() => this.#deps.counters.sessionsUnsaved++)
      throw error
    }
    this.#deps.onChange(session)
  }

  /** @throws MessageError before anything is joined */
  #goOn(session: Session, { id, epoch, pos, policy }: ResumeMessage, stored: StoredSession): void {
    this.#checkFresh(session, id)
    const rejected: Rejection[] = []
    const wanted = stored.subscriptions
      .map(({ sid, ...kept }) => {
        const signature = this.#signature(session, { ...kept, snapshot: true, since: null }, id, rejected)
        return { sid, signature, isSame: signatureId(signature) === sid }
      })
      .filter(({ signature }) => signature.keys.length + signature.patterns.length > 0)
    this.#checkLimits(
      session,
      id,
      wanted.map(({ signature }) => signature)
    )

    const positions = new Map(pos.map(({ sid, q }) => [sid, q]))
    let room = this.#deps.limits.replayRows
    const begun = wanted.map(({ sid, signature, isSame }) => {
      const q = positions.get(sid)
      const since = q === undefined || !isSame ? undefined : { epoch, q, policy }
      const begin = this.#begin(session, signature, since, room)
      room -= begin.info.replayed ?? 0
      if (since !== undefined || (isSame && signature.mode === 'latest')) return begin
      const reason: ResumeFailure = isSame ? 'no_position' : 'rights_changed'
      return { ...begin, info: { ...begin.info, ...(isSame ? {} : { from: sid }), recovered: false, reason } }
    })
    const subs = begun.map(({ info }) => info)
    const reason = rejected.length > 0 ? 'rights_changed' : subs.find(({ recovered }) => recovered === false)?.reason
    const replayed = subs.reduce((sum, { replayed = 0 }) => sum + replayed, 0)
    const recovered = reason === undefined
    this.#deps.counters[recovered ? 'resumesRecovered' : 'resumesFailed']++
    session.send({ type: 'resumed', id, recovered, ...(recovered ? {} : { reason }), replayed, subs, rejected })
    for (const { start } of begun) start()
  }

  #checkFresh(session: Session, id: RequestId): void {
    this.#checkReady(session, id)
    if (session.subscriptions.size > 0) throw new MessageError(440, 'expected resume before any subscribe', id)
  }

  async #take({ id, session, resumeToken }: ResumeMessage): Promise<StoredSession | undefined> {
    try {
      return await this.#deps.sessions.take(session, tokenHash(resumeToken))
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      throw new MessageError(503, 'the sessions cannot be read now', id, RETRY_SLOW_MS)
    }
  }

  #want({ keys }: Signature): void {
    for (const key of keys) if (this.#deps.board.entries.get(key)?.row.candidates.size === 0) this.#deps.onWanted(key)
  }

  #unsubscribe(session: Session, id: RequestId, sids: string[]): void {
    const ended = sids.filter(sid => {
      const subscription = session.subscriptions.get(sid)
      if (subscription === undefined) return false
      this.#leave(session, subscription)
      return true
    })
    if (ended.length === 0) throw unknownSubscription(sids, id)
    session.send({ type: 'unsubscribed', id, sids: ended })
    this.#deps.onChange(session)
  }

  #update(session: Session, { id, sid, ...changes }: Extract<ClientMessage, { type: 'update' }>): void {
    this.#checkReady(session, id)
    const subscription = session.subscriptions.get(sid)
    if (subscription === undefined) throw unknownSubscription([sid], id)
    const old = subscription.group.signature
    const signature = {
      ...old,
      fields: changes.fields === undefined ? old.fields : canonicalFields(changes.fields),
      intervalMs: allowedInterval(session.rights, changes.intervalMs ?? old.intervalMs, id),
      mode: changes.mode ?? old.mode
    }
    this.#leave(session, subscription)
    const next = this.#join(session, signature)
    session.send({ type: 'updated', id, from: sid, sub: info(next) })
    next.member.restart()
    this.#deps.onChange(session)
  }

  #resync(session: Session, id: RequestId, sids: string[] | null): void {
    this.#checkReady(session, id)
    const wanted = sids ?? [...session.subscriptions.keys()]
    const found = wanted.filter(sid => session.subscriptions.has(sid))
    if (found.length < wanted.length) throw unknownSubscription(wanted, id)
    session.send({ type: 'resynced', id, sids: found })
    for (const sid of found) session.subscriptions.get(sid)!.member.restart()
  }

  #signature(session: Session, request: SubscriptionRequest, id: RequestId, rejected: Rejection[]): Signature {
    const { board, isKnown } = this.#deps
    const isThere = (key: string): boolean => board.entries.has(key) || isKnown(key)
    return requestedSignature({ request, rights: session.rights, isThere, id, rejected })
  }

  #checkReady(session: Session, id: RequestId): void {
    if (!this.#deps.isReady()) throw new MessageError(503, 'the board is being loaded', id, RETRY_NOT_READY_MS)
    if (!session.hasRoom(0))
      throw new MessageError(407, 'the connection has not taken what was sent before', id, RETRY_SLOW_MS)
  }

  #checkLimits(session: Session, id: RequestId, signatures: readonly { readonly keys: readonly string[] }[]): void {
    const { limits } = session.rights
    const symbols = signatures.reduce((sum, { keys }) => sum + keys.length, session.symbols)
    if (symbols > limits.symbols)
      throw new MessageError(405, `expected at most ${limits.symbols} keys per connection, got ${symbols}`, id)
    const subscriptions = session.subscriptions.size + signatures.length
    if (subscriptions > limits.subscriptions)
      throw new MessageError(405, `expected at most ${limits.subscriptions} subscriptions, got ${subscriptions}`, id)
  }

  /** The subscription with this signature; the one that the session has already, if it has. */
  #join(session: Session, signature: Signature): Subscription {
    const group = this.#deps.groups.open(signature)
    const existing = session.subscriptions.get(group.sid)
    if (existing !== undefined) return existing
    const subscription = { group, member: group.join(session) }
    session.subscriptions.set(group.sid, subscription)
    return subscription
  }

  #leave(session: Session, { group, member }: Subscription): void {
    session.subscriptions.delete(group.sid)
    this.#deps.groups.leave(group, member)
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

function info({ group }: Subscription): SubscriptionInfo {
  const { keys, patterns, intervalMs, mode } = group.signature
  const { sid, matched, position: q, epoch } = group
  return { sid, keys: keys.length, patterns: patterns.length, matched, intervalMs, mode, epoch, q }
}

function unknownSubscription(sids: readonly string[], id: RequestId): MessageError {
  return new MessageError(404, `expected sids of live subscriptions, got ${JSON.stringify(sids).slice(0, 128)}`, id)
}
