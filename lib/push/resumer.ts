import { StoreError } from '../store/store-error.ts'
import type { BoardTable } from './board-table.ts'
import type { LiveLimits } from './live-limits.ts'
import { MessageError } from './message-error.ts'
import type { ClientMessage, Rejection, RequestId, ResumeFailure } from './protocol.ts'
import type { PushCounters } from './push-counters.ts'
import { type Session, tokenHash } from './session.ts'
import type { SessionStore, StoredSession } from './session-store.ts'
import { signatureId } from './signature.ts'
import type { Subscriber } from './subscriber.ts'

type ResumeMessage = Extract<ClientMessage, { type: 'resume' }>

export interface ResumerDeps {
  readonly board: BoardTable
  readonly limits: LiveLimits
  readonly counters: PushCounters
  readonly sessions: SessionStore
  readonly subscriber: Subscriber
  /** Told of every change of a session's subscriptions. */
  onChange(session: Session): void
  /** Resolves to whether the board has reached a position within a moment. */
  reach(q: number): Promise<boolean>
}

const RETRY_SLOW_MS = 1000

/** Lets a client go on with the session of a connection that has ended, at whichever gateway that was. */
export class Resumer {
  readonly #deps: ResumerDeps

  constructor(deps: ResumerDeps) {
    this.#deps = deps
  }

  /** Gives a connection the subscriptions of an ended one, each from where the client has it. */
  async resume(session: Session, message: ResumeMessage): Promise<void> {
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
      .map(({ sid, servedAs = [sid], encoding, ...kept }) => {
        const request = { ...kept, snapshot: true, since: null }
        const signature = this.#deps.subscriber.signature(session, request, id, rejected)
        // Positions mean the same in every encoding.
        return { sid, servedAs, signature, isSame: signatureId({ ...signature, encoding }) === sid }
      })
      .filter(({ signature }) => signature.keys.length + signature.patterns.length > 0)
    this.#deps.subscriber.checkLimits(
      session,
      id,
      wanted.map(({ signature }) => signature)
    )

    const positions = new Map(pos.map(({ sid, q }) => [sid, q]))
    let room = this.#deps.limits.current.replayRows
    const begun = wanted.map(({ sid, servedAs, signature, isSame }) => {
      // Whether it was slower in the end or not, as far as the client has heard.
      const from = servedAs.find(one => positions.has(one)) ?? sid
      const q = positions.get(from)
      const since = q === undefined || !isSame ? undefined : { epoch, q, policy }
      const begin = this.#deps.subscriber.begin(session, signature, since, room)
      room -= begin.info.replayed ?? 0
      const info = from === begin.info.sid ? begin.info : { ...begin.info, from }
      if (since !== undefined || (isSame && signature.mode === 'latest')) return { ...begin, info }
      const reason: ResumeFailure = isSame ? 'no_position' : 'rights_changed'
      return { ...begin, info: { ...info, recovered: false, reason } }
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
    this.#deps.subscriber.checkReady(session, id)
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
}
