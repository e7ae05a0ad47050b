import type { Access } from '../access/access.ts'
import type { Place } from '../access/connections.ts'
import type { Identity } from '../access/identity.ts'
import type { Micros } from '../quote/quote.ts'
import type { Clock } from './clock.ts'
import { messageErrorOf, type Visitor } from './gate.ts'
import type { LiveLimits } from './live-limits.ts'
import { MessageError } from './message-error.ts'
import { type ClientMessage, publicLimits, type RequestId } from './protocol.ts'
import type { PushCounters } from './push-counters.ts'
import { rightsOf } from './rights.ts'
import type { Session } from './session.ts'

export interface AuthenticationDeps {
  readonly access: Access
  readonly clock: Clock
  readonly limits: LiveLimits
  readonly counters: PushCounters
  /** Told that a session has other rights than before, in answer to a message. */
  onGranted(session: Session, id: RequestId): void
  /** Told of a message that is refused. */
  onRefused(session: Session, error: unknown): void
}

/** What is kept of a connection's login. */
interface Login {
  readonly place: Place
  /** What came while a login is being checked, in order; null while none is. */
  waiting: (() => void)[] | null
  cancelTimer: () => void
}

/** Messages that may wait for one login. */
const MAX_WAITING = 64
/** A timer waits no longer at once, so that a clock that was set is noticed. */
const MAX_WAIT_MS = 3_600_000
const NOTHING = (): void => {}

/** Logs sessions in while they live: the `auth` message, its deadline, and the end of what it gave. */
export class Authentication {
  readonly #deps: AuthenticationDeps
  readonly #logins = new Map<Session, Login>()

  constructor(deps: AuthenticationDeps) {
    this.#deps = deps
  }

  /** A connection begins, with the rights that it was let in with. */
  begin(session: Session, { place }: Visitor): void {
    const login: Login = { place, waiting: null, cancelTimer: NOTHING }
    this.#logins.set(session, login)
    const { identity } = session.rights
    if (identity !== null) {
      if (identity.user !== null) this.#tell(session, identity, null)
      if (identity.expiresAt !== null) this.#awaitEnd(session, login, identity.expiresAt)
      return
    }
    login.cancelTimer = this.#deps.clock.after(this.#deps.access.config.authDeadlineMs, () => {
      if (session.isOpen) this.#deps.counters.closedDeadline++
      session.close('deadline')
    })
  }

  end(session: Session): void {
    this.#logins.get(session)?.cancelTimer()
    this.#logins.delete(session)
  }

  /** Does `work` once every login before it is decided. @throws MessageError 429 when too much waits. */
  inTurn(session: Session, id: RequestId, work: () => void): void {
    const waiting = this.#logins.get(session)?.waiting ?? null
    if (waiting === null) work()
    else if (waiting.length < MAX_WAITING) waiting.push(work)
    else throw new MessageError(429, 'too many messages wait for the login', id, 100)
  }

  /** Answers `auth`; what comes meanwhile waits. */
  authenticate(session: Session, message: Extract<ClientMessage, { type: 'auth' }>): void {
    const login = this.#logins.get(session)
    if (login === undefined) return
    login.waiting = []
    this.#login(session, login, message)
      .catch(error => {
        this.#deps.counters.loginsFailed++
        this.#deps.onRefused(session, messageErrorOf(error, message.id))
      })
      .finally(() => {
        const works = login.waiting ?? []
        login.waiting = null
        for (const work of works) if (session.isOpen) this.inTurn(session, message.id, work)
      })
  }

  async #login(
    session: Session,
    login: Login,
    { id, credential }: Extract<ClientMessage, { type: 'auth' }>
  ): Promise<void> {
    const identity = await this.#deps.access.identify(credential)
    if (!session.isOpen) return
    const { user, plan, expiresAt } = identity
    const before = session.rights.identity?.user ?? user
    if (before !== user) throw new MessageError(403, 'expected the user of this session; connect anew for another', id)
    if (user !== null) login.place.assign(user, plan.connections)
    session.grant(rightsOf(identity, this.#deps.limits.current))
    login.cancelTimer()
    login.cancelTimer = NOTHING
    this.#deps.counters.logins++
    this.#tell(session, identity, id)
    if (expiresAt !== null) this.#awaitEnd(session, login, expiresAt)
    this.#deps.onGranted(session, id)
  }

  #tell(session: Session, { user, plan, expiresAt }: Identity, id: RequestId): void {
    const limits = publicLimits(session.rights.limits)
    session.send({ type: 'ok', id, user, plan: plan.name, expiresAt, limits })
  }

  /** Tells that a login is about to end, and closes the session when it does. */
  #awaitEnd(session: Session, login: Login, expiresAt: Micros, wasTold = false): void {
    const { access, clock, counters } = this.#deps
    const leftMs = (expiresAt - clock.nowMicros()) / 1000
    if (leftMs <= 0) {
      if (session.isOpen) counters.closedExpired++
      session.close('expired')
      return
    }
    const noticeMs = access.config.expiryNoticeMs
    const tells = !wasTold && leftMs <= noticeMs
    if (tells) session.send({ type: 'expiring', inMs: Math.ceil(leftMs) })
    const isTold = wasTold || tells
    const waitMs = Math.min(MAX_WAIT_MS, Math.ceil(isTold ? leftMs : leftMs - noticeMs))
    login.cancelTimer = clock.after(waitMs, () => this.#awaitEnd(session, login, expiresAt, isTold))
  }
}
