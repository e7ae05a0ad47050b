import { entitledPart } from './entitled-part.ts'
import { MessageError } from './message-error.ts'
import type { ClientMessage, RequestId } from './protocol.ts'
import { allowedInterval } from './requested-signature.ts'
import type { Resumer } from './resumer.ts'
import { canonicalFields } from './row-field.ts'
import type { Session } from './session.ts'
import { signatureId } from './signature.ts'
import type { Subscriber } from './subscriber.ts'
import { infoOf } from './subscription-info.ts'

export interface ConversationDeps {
  readonly subscriber: Subscriber
  readonly resumer: Resumer
  /** False while the board is being loaded. */
  isReady(): boolean
  /** Told of every change of a session's subscriptions. */
  onChange(session: Session): void
}

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
        return this.#deps.subscriber.subscribe(session, message.id, message.subs)
      case 'unsubscribe':
        this.#unsubscribe(session, message.id, message.sids)
        break
      case 'update':
        this.#update(session, message)
        break
      case 'list':
        session.send({ type: 'subscriptions', id: message.id, subs: [...session.subscriptions.values()].map(infoOf) })
        break
      case 'resync':
        this.#resync(session, message.id, message.sids)
        break
      case 'resume':
        return this.#deps.resumer.resume(session, message)
    }
  }

  /** Ends all subscriptions of a connection that is gone. */
  end(session: Session): void {
    for (const subscription of session.subscriptions.values()) this.#deps.subscriber.leave(session, subscription)
  }

  /** Takes from a session what it may no longer see, and tells it what is left: a login has changed its rights. */
  shrink(session: Session, id: RequestId): void {
    const { entitlement, limits } = session.rights
    let isChanged = false
    for (const subscription of [...session.subscriptions.values()]) {
      const { sid, signature } = subscription.group
      const asked = subscription.pace?.asked ?? signature
      const rest = entitledPart(asked, entitlement, limits.patterns)
      if (signatureId(rest) === signatureId(asked)) continue
      if (subscription.playback !== undefined) {
        subscription.playback.forbid()
        continue
      }
      isChanged = true
      this.#deps.subscriber.leave(session, subscription)
      if (rest.keys.length + rest.patterns.length === 0) {
        session.send({ type: 'unsubscribed', id, sids: [sid] })
        continue
      }
      const next = this.#deps.subscriber.join(session, rest)
      session.send({ type: 'updated', id, from: sid, sub: infoOf(next) })
      // While the board is being loaded, all get a snapshot at its end.
      if (this.#deps.isReady()) next.member.restart()
    }
    if (isChanged) this.#deps.onChange(session)
  }

  #unsubscribe(session: Session, id: RequestId, sids: string[]): void {
    const ended = sids.filter(sid => {
      const subscription = session.subscriptions.get(sid)
      if (subscription === undefined) return false
      this.#deps.subscriber.leave(session, subscription)
      return true
    })
    if (ended.length === 0) throw unknownSubscription(sids, id)
    session.send({ type: 'unsubscribed', id, sids: ended })
    this.#deps.onChange(session)
  }

  #update(
    session: Session,
    { type: _type, id, sid, speed, ...changes }: Extract<ClientMessage, { type: 'update' }>
  ): void {
    const subscription = session.subscriptions.get(sid)
    if (subscription === undefined) throw unknownSubscription([sid], id)
    if (subscription.playback !== undefined || speed !== undefined) {
      const { playback } = subscription
      if (playback === undefined || speed === undefined || Object.keys(changes).length > 0)
        throw new MessageError(400, 'expected speed, and nothing else, of a playback and of nothing else', id)
      // At any time: a client that is full of it may want it slower.
      playback.change(speed)
      session.send({ type: 'updated', id, from: sid, sub: infoOf(subscription) })
      return
    }
    this.#deps.subscriber.checkReady(session, id)
    const old = subscription.pace.asked
    const signature = {
      ...old,
      fields: changes.fields === undefined ? old.fields : canonicalFields(changes.fields),
      intervalMs: allowedInterval(session.rights, changes.intervalMs ?? old.intervalMs, id),
      mode: changes.mode ?? old.mode,
      rows: changes.rows ?? old.rows
    }
    this.#deps.subscriber.leave(session, subscription)
    const next = this.#deps.subscriber.join(session, signature)
    session.send({ type: 'updated', id, from: sid, sub: infoOf(next) })
    next.member.restart()
    this.#deps.onChange(session)
  }

  #resync(session: Session, id: RequestId, sids: string[] | null): void {
    this.#deps.subscriber.checkReady(session, id)
    const wanted = sids ?? [...session.subscriptions.keys()]
    const found = wanted.filter(sid => session.subscriptions.has(sid))
    if (found.length < wanted.length) throw unknownSubscription(wanted, id)
    session.send({ type: 'resynced', id, sids: found })
    for (const sid of found) {
      const { member, playback } = session.subscriptions.get(sid)!
      if (playback === undefined) member.restart()
      else playback.resync()
    }
  }
}

function unknownSubscription(sids: readonly string[], id: RequestId): MessageError {
  return new MessageError(404, `expected sids of live subscriptions, got ${JSON.stringify(sids).slice(0, 128)}`, id)
}
