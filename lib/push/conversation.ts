import type { BoardTable } from './board-table.ts'
import type { GroupTable } from './group-table.ts'
import type { PushLimits } from './limits.ts'
import { MessageError } from './message-error.ts'
import { type Pattern, parsePattern } from './pattern.ts'
import type { ClientMessage, Rejection, RequestId, SubscriptionInfo, SubscriptionRequest } from './protocol.ts'
import { canonicalFields, DEFAULT_FIELDS } from './row-field.ts'
import type { Session, Subscription } from './session.ts'
import { type Signature, sortedUnique } from './signature.ts'

export interface ConversationDeps {
  readonly board: BoardTable
  readonly groups: GroupTable
  readonly limits: PushLimits
  /** Whether there is such an instrument; one that is on the board is known anyway. */
  isKnown(key: string): boolean
  /** Told of a valid key that has no value yet. */
  onWanted(key: string): void
  /** False while the board is being loaded. */
  isReady(): boolean
}

const RETRY_NOT_READY_MS = 500
const RETRY_SLOW_MS = 1000

/** Answers the requests of clients: what each message type does. */
export class Conversation {
  readonly #deps: ConversationDeps

  constructor(deps: ConversationDeps) {
    this.#deps = deps
  }

  /** @throws MessageError when the request is refused as a whole. */
  answer(session: Session, message: ClientMessage): void {
    switch (message.type) {
      case 'subscribe':
        this.#subscribe(session, message.id, message.subs)
        break
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
      case 'auth':
        throw new MessageError(402, 'this gateway does not authenticate: see "auth" in the welcome', message.id)
      case 'resume':
        throw new MessageError(440, 'sessions cannot be resumed: subscribe again', message.id)
    }
  }

  /** Ends all subscriptions of a connection that is gone. */
  end(session: Session): void {
    for (const { group, member } of session.subscriptions.values()) this.#deps.groups.leave(group, member)
    session.subscriptions.clear()
  }

  #subscribe(session: Session, id: RequestId, requests: SubscriptionRequest[]): void {
    this.#checkReady(session, id)
    const rejected: Rejection[] = []
    const wanted = requests.map(request => ({ request, signature: this.#signature(request, id, rejected) }))
    this.#checkLimits(
      session,
      id,
      wanted.map(({ signature }) => signature)
    )

    const subs: SubscriptionInfo[] = []
    const begun: Subscription[] = []
    for (const { request, signature } of wanted) {
      if (signature.keys.length + signature.patterns.length === 0) {
        subs.push(this.#nothing(signature, request))
        continue
      }
      const subscription = this.#join(session, signature)
      subs.push({ ...info(subscription), ...(request.since ? { recovered: false as const } : {}) })
      if (request.snapshot || signature.mode === 'latest') begun.push(subscription)
    }
    session.send({ type: 'subscribed', id, subs, rejected })
    for (const { member } of begun) member.restart()
    for (const { signature } of wanted) this.#want(signature)
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
  }

  #update(session: Session, { id, sid, ...changes }: Extract<ClientMessage, { type: 'update' }>): void {
    this.#checkReady(session, id)
    const subscription = session.subscriptions.get(sid)
    if (subscription === undefined) throw unknownSubscription([sid], id)
    const old = subscription.group.signature
    const signature = {
      ...old,
      fields: changes.fields === undefined ? old.fields : canonicalFields(changes.fields),
      intervalMs: this.#interval(changes.intervalMs ?? old.intervalMs, id),
      mode: changes.mode ?? old.mode
    }
    this.#leave(session, subscription)
    const next = this.#join(session, signature)
    session.send({ type: 'updated', id, from: sid, sub: info(next) })
    next.member.restart()
  }

  #resync(session: Session, id: RequestId, sids: string[] | null): void {
    this.#checkReady(session, id)
    const wanted = sids ?? [...session.subscriptions.keys()]
    const found = wanted.filter(sid => session.subscriptions.has(sid))
    if (found.length < wanted.length) throw unknownSubscription(wanted, id)
    session.send({ type: 'resynced', id, sids: found })
    for (const sid of found) session.subscriptions.get(sid)!.member.restart()
  }

  #signature(request: SubscriptionRequest, id: RequestId, rejected: Rejection[]): Signature {
    const { board, limits } = this.#deps
    if (request.patterns.length > limits.patterns)
      throw new MessageError(400, `patterns: expected at most ${limits.patterns}, got ${request.patterns.length}`, id)
    const keys = sortedUnique(request.keys).filter(key => {
      if (board.entries.has(key) || this.#deps.isKnown(key)) return true
      rejected.push({ key: key.slice(0, 128), code: 404, message: 'unknown instrument' })
      return false
    })
    const patterns: Pattern[] = []
    for (const text of sortedUnique(request.patterns)) {
      const pattern = parsePattern(text)
      if (pattern !== undefined) patterns.push(pattern)
      else
        rejected.push({
          pattern: text.slice(0, 128),
          code: 400,
          message: 'expected venue:type:symbol, each a name or *'
        })
    }
    return {
      keys,
      patterns,
      fields: canonicalFields(request.fields ?? DEFAULT_FIELDS),
      intervalMs: this.#interval(request.intervalMs, id),
      mode: request.mode
    }
  }

  /** Intervals below the minimum are raised to it; the answer says so. */
  #interval(intervalMs: number, id: RequestId): number {
    const { minIntervalMs, maxIntervalMs } = this.#deps.limits
    if (intervalMs > maxIntervalMs)
      throw new MessageError(400, `intervalMs: expected at most ${maxIntervalMs}, got ${intervalMs}`, id)
    return Math.max(intervalMs, minIntervalMs)
  }

  #checkReady(session: Session, id: RequestId): void {
    if (!this.#deps.isReady()) throw new MessageError(503, 'the board is being loaded', id, RETRY_NOT_READY_MS)
    if (!session.hasRoom(0))
      throw new MessageError(407, 'the connection has not taken what was sent before', id, RETRY_SLOW_MS)
  }

  #checkLimits(session: Session, id: RequestId, signatures: readonly Signature[]): void {
    const { limits } = this.#deps
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
