import type { IncomingMessage } from 'node:http'
import type { Access } from '../access/access.ts'
import { type AccessCode, AccessError } from '../access/access-error.ts'
import type { Place } from '../access/connections.ts'
import { type Credential, readCredential, withoutCredential } from '../access/credential.ts'
import type { Identity } from '../access/identity.ts'
import { KeyedRate } from '../access/keyed-rate.ts'
import type { Clock } from './clock.ts'
import { HttpProblem } from './http-problem.ts'
import type { LiveLimits } from './live-limits.ts'
import { MessageError } from './message-error.ts'
import type { RequestId } from './protocol.ts'
import type { ErrorCode } from './protocol-codes.ts'
import type { PushCounters } from './push-counters.ts'

/** Somebody who was let in. */
export interface Visitor {
  /** Null for somebody who has yet to log in. */
  readonly identity: Identity | null
  /** What its connections are counted under. */
  readonly address: string
  /** To be released when the connection ends. */
  readonly place: Place
}

const STATUSES = {
  not_authenticated: 401,
  auth_failed: 401,
  forbidden: 403,
  connection_limit: 429,
  rate_limited: 429,
  full: 503
} as const satisfies Record<AccessCode, number>

const CODES = {
  not_authenticated: 401,
  auth_failed: 402,
  forbidden: 403,
  connection_limit: 406,
  rate_limited: 429,
  full: 503
} as const satisfies Record<AccessCode, ErrorCode>

/** Who comes in: HTTP requests and their upgrades, judged by {@link Access}. */
export class Gate {
  readonly #access: Access
  readonly #clock: Clock
  readonly #limits: LiveLimits
  readonly #counters: PushCounters
  /** By user, or by address for those without one; bounded. */
  readonly #requests = new KeyedRate(1, 1)
  readonly #credentials = new WeakMap<IncomingMessage, () => Credential | null>()

  constructor(access: Access, clock: Clock, limits: LiveLimits, counters: PushCounters) {
    this.#access = access
    this.#clock = clock
    this.#limits = limits
    this.#counters = counters
  }

  /** Takes the credential out of a request's address, before anybody can write it down. */
  take(request: IncomingMessage): void {
    const { url = '', headers } = request
    // Where nobody can log in, what looks like a credential is meant for somebody else.
    const isOpen = this.#access.mode === 'none'
    this.#credentials.set(request, () => (isOpen ? null : readCredential({ url, headers })))
    request.url = withoutCredential(url)
  }

  /**
   * Lets a connection in. It may still have to log in, unless it cannot do so later.
   * @throws HttpProblem 401, 403, 429, 503
   */
  async admit(request: IncomingMessage, canLogInLater: boolean): Promise<Visitor> {
    try {
      const address = this.#addressOf(request)
      const place = this.#access.connections.enter(address, this.#clock.nowMs())
      try {
        const identity = await this.#identityOf(request)
        if (identity === null && !canLogInLater) throw notAuthenticated()
        if (identity !== null && identity.user !== null) place.assign(identity.user, identity.plan.connections)
        return { identity, address, place }
      } catch (error) {
        place.release()
        throw error
      }
    } catch (error) {
      throw httpProblemOf(error)
    }
  }

  /**
   * Who makes a request, which is counted; undefined is a call from inside the cluster, which has no more than anonymous has.
   * @throws HttpProblem 401, 403, 429
   */
  async identify(request: IncomingMessage | undefined): Promise<Identity> {
    try {
      const identity = request === undefined ? this.#access.anonymous : await this.#requesterOf(request)
      if (identity === null) throw notAuthenticated()
      return identity
    } catch (error) {
      throw httpProblemOf(error)
    }
  }

  /**
   * Who looks after the gateway by a request. Where nobody can log in there is no such path.
   * @throws HttpProblem 401, 403, 404
   */
  async identifyAdmin(request: IncomingMessage | undefined): Promise<Identity> {
    if (this.#access.mode === 'none') throw new HttpProblem(404, 'no such path')
    const identity = await this.identify(request)
    if (identity.user === null) throw httpProblemOf(notAuthenticated())
    if (!identity.isAdmin) throw new HttpProblem(403, 'expected an admin key')
    return identity
  }

  /** A request without a login, and one whose login is no good, is counted under its address. */
  async #requesterOf(request: IncomingMessage): Promise<Identity | null> {
    const address = `address ${this.#addressOf(request)}`
    try {
      const identity = await this.#identityOf(request)
      this.#count(identity === null || identity.user === null ? address : `user ${identity.user}`, identity)
      return identity
    } catch (error) {
      if (error instanceof AccessError && error.code === 'auth_failed') this.#count(address, this.#access.anonymous)
      throw error
    }
  }

  /** @throws AccessError `rate_limited` */
  #count(name: string, identity: Identity | null): void {
    const { requestsPerSecond, requestBurst } = this.#limits.current
    const own = identity?.plan.requestsPerSecond ?? null
    // Who is held to less than the others has no greater burst than what comes in a second.
    const rate =
      own === null
        ? { perSecond: requestsPerSecond, burst: requestBurst }
        : { perSecond: own, burst: own < requestsPerSecond ? own : Math.max(own, requestBurst) }
    const waitMs = this.#requests.take(name, this.#clock.nowMs(), rate)
    if (waitMs === 0) return
    this.#counters.requestsRateLimited++
    throw new AccessError('rate_limited', `expected at most ${rate.perSecond} requests per second`, waitMs)
  }

  #addressOf({ socket, headers }: IncomingMessage): string {
    const { 'x-forwarded-for': forwarded, origin, host } = headers
    const forwardedFor = Array.isArray(forwarded) ? forwarded.join() : forwarded
    return this.#access.addressOf({ peer: socket.remoteAddress, forwardedFor, origin, host })
  }

  async #identityOf(request: IncomingMessage): Promise<Identity | null> {
    const credential = this.#credentials.get(request)?.() ?? null
    return credential === null ? this.#access.anonymous : await this.#access.identify(credential)
  }
}

function notAuthenticated(): AccessError {
  return new AccessError('not_authenticated', 'expected a token or a key, got none')
}

function httpProblemOf(error: unknown): unknown {
  if (!(error instanceof AccessError)) return error
  const { code, message, retryAfterMs } = error
  return new HttpProblem(
    STATUSES[code],
    message,
    retryAfterMs === undefined ? {} : { retryAfterS: Math.ceil(retryAfterMs / 1000) }
  )
}

/** The refusal as an answer to a message. */
export function messageErrorOf(error: unknown, id: RequestId): unknown {
  if (!(error instanceof AccessError)) return error
  return new MessageError(CODES[error.code], error.message, id, error.retryAfterMs)
}
