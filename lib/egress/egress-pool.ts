import type { Micros } from '../quote/quote.ts'
import { BudgetBook } from './budget.ts'
import { DEFAULT_TIMEOUTS, type PhaseTimeouts, type Route } from './connect.ts'
import { Egress, type EgressCounts } from './egress.ts'
import { abortError, EgressError, type EgressErrorCode, meaningOf } from './egress-error.ts'
import type { EgressRequest, EgressResponse } from './egress-request.ts'
import type { HealthState } from './health.ts'
import { ACCEPT_ENCODING, readBody } from './inflate.ts'
import type { ProxyServer } from './proxy-server.ts'
import type { WireResponse } from './response.ts'
import { Rotation } from './rotation.ts'
import { readTarget, type Target } from './target.ts'

export interface EgressPoolOptions {
  /** Ways out, in rotation; empty for direct egress. */
  proxies: readonly ProxyServer[]
  /** The User-Agent of a source that brings none: who we are, and where to complain. */
  userAgent: string
  /** The wall clock. */
  now: () => Micros
  monotonicMs?: () => number
  random?: () => number
  timeouts?: PhaseTimeouts
  /** Connections of one egress to one origin. */
  connections?: number
  maxWireBytes?: number
  maxInflatedBytes?: number
  /** Certificate authorities to trust instead of the system's. */
  ca?: Route['ca']
}

const DEFAULTS = {
  monotonicMs: () => performance.now(),
  random: Math.random,
  timeouts: DEFAULT_TIMEOUTS,
  connections: 4,
  maxWireBytes: 8 * 1024 ** 2,
  maxInflatedBytes: 32 * 1024 ** 2
} as const satisfies Partial<EgressPoolOptions>

/** After the first attempt. */
const MAX_RETRIES = 2

/** The state of one way out, without credentials. */
export interface EgressReport extends EgressCounts {
  egress: string
  state: HealthState
  /** The sources that do not want to hear from it now, with the remaining milliseconds. */
  cooling: Record<string, number>
}

export interface PoolStats {
  egresses: EgressReport[]
  retries: number
  /** Failed attempts by code. */
  errors: Partial<Record<EgressErrorCode, number>>
}

/**
 * Sends requests out through all configured proxies in rotation, or directly where there are none. An attempt that
 * fails is repeated through another egress within the request's time, at most twice, so that a dead proxy costs nothing
 * but a retry. Three things are kept apart: the transport of a proxy (health), what a source permits an address
 * (budget), and the source itself: an origin that is down takes no proxy out of the rotation.
 */
export class EgressPool {
  readonly #options: Required<Omit<EgressPoolOptions, 'ca'>>
  readonly #egresses: readonly Egress[]
  readonly #rotation: Rotation
  readonly #budget = new BudgetBook()
  readonly #errors: Partial<Record<EgressErrorCode, number>> = {}
  readonly #underWay = new Set<AbortController>()
  #retries = 0
  #closed = false

  constructor(options: EgressPoolOptions) {
    const { ca, ...given } = options
    this.#options = Object.freeze({ ...DEFAULTS, ...given })
    const ways = options.proxies.length === 0 ? [null] : options.proxies
    this.#egresses = ways.map((proxy, index) => new Egress({ ...this.#options, proxy, index, ca }))
    this.#rotation = new Rotation(this.#egresses)
  }

  /**
   * Sends a request. A response of any status is a result; a status that tells the address to go away, or a 5xx, is
   * first tried elsewhere.
   * @throws EgressError
   */
  async request(request: EgressRequest): Promise<EgressResponse> {
    if (this.#closed) throw new EgressError('closed', 'the egress pool was closed')
    const target = readTarget(request.url, request.allowHttp)
    const controller = new AbortController()
    const timer = setTimeout(
      () => controller.abort(new EgressError('deadline', `no response within ${request.timeoutMs} ms`)),
      request.timeoutMs
    )
    const { signal } = request
    const onAbort = () => controller.abort(signal && abortError(signal))
    if (signal?.aborted) onAbort()
    else signal?.addEventListener('abort', onAbort, { once: true })
    this.#underWay.add(controller)
    try {
      return await this.#attempt(request, target, controller.signal)
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      this.#underWay.delete(controller)
    }
  }

  /** A response's body said that its address is not welcome for now (some venues say so with status 200). */
  cool(source: string, label: string, forMs: number): void {
    const egress = this.#egresses.find(candidate => candidate.label === label)
    if (egress !== undefined) this.#budget.cool(source, egress.identity, forMs, this.#nowMs())
  }

  stats(): PoolStats {
    const nowMs = this.#nowMs()
    return {
      egresses: this.#egresses.map(({ label, identity, health, counts }) => ({
        egress: label,
        state: health.state,
        ...counts,
        cooling: this.#budget.cooling(identity, nowMs)
      })),
      retries: this.#retries,
      errors: { ...this.#errors }
    }
  }

  /** Ends what is under way and closes every connection. Idempotent. */
  close(): void {
    this.#closed = true
    for (const controller of this.#underWay) controller.abort(new EgressError('closed', 'the egress pool was closed'))
    for (const egress of this.#egresses) egress.close()
  }

  async #attempt(request: EgressRequest, target: Target, signal: AbortSignal): Promise<EgressResponse> {
    const tried = new Map<Egress, EgressErrorCode | null>()
    let response: EgressResponse | undefined
    let failure: EgressError | undefined
    for (let attempts = 1; attempts <= 1 + MAX_RETRIES; attempts++) {
      if (signal.aborted) throw abortError(signal)
      const egress = this.#rotation.next({
        origin: target.origin,
        tried: new Set(tried.keys()),
        failure,
        reserve: ({ identity }) =>
          this.#budget.reserve(request.source, identity, request.limits, request.cost, this.#nowMs())
      })
      if (egress instanceof EgressError) {
        failure ??= egress
        break
      }
      if (attempts > 1) this.#retries++
      try {
        const wire = await this.#send(egress, request, target, signal)
        const body = await readBody(wire.body, header(wire, 'content-encoding'), this.#options.maxInflatedBytes)
        if (!egress.direct) this.#acquit(egress, tried)
        const { status, headers, requestSentTime, receivedTime } = wire
        response = { status, headers, body, egress: egress.label, requestSentTime, receivedTime, attempts }
        if (!this.#worthRetrying(egress, request, response, tried)) return response
        tried.set(egress, null)
      } catch (error) {
        if (!(error instanceof EgressError)) throw error
        failure = error
        failure.attempts = attempts
        this.#blame(egress, request.source, error)
        tried.set(egress, error.code)
        if (!error.retryable || signal.aborted) break
      }
    }
    if (response !== undefined) return response
    throw failure ?? new EgressError('no_egress', 'no attempt was made')
  }

  async #send(egress: Egress, request: EgressRequest, target: Target, signal: AbortSignal): Promise<WireResponse> {
    const { timeouts, maxWireBytes, userAgent } = this.#options
    egress.health.begin()
    const wire = await egress.send(
      target,
      {
        headers: {
          'user-agent': request.userAgents[egress.index % request.userAgents.length] ?? userAgent,
          accept: '*/*',
          'accept-encoding': ACCEPT_ENCODING,
          ...request.headers
        },
        firstByteMs: request.firstByteMs ?? timeouts.firstByteMs,
        idleMs: timeouts.idleMs,
        maxWireBytes
      },
      signal
    )
    egress.counts.responses++
    this.#budget.settle(
      request.source,
      egress.identity,
      request.limits,
      wire.headers,
      wire.requestSentTime / 1_000,
      this.#nowMs()
    )
    return wire
  }

  /** Whether the same request may do better through another egress. */
  #worthRetrying(
    egress: Egress,
    request: EgressRequest,
    { status, headers }: EgressResponse,
    tried: ReadonlyMap<Egress, EgressErrorCode | null>
  ): boolean {
    if (this.#budget.observe(request.source, egress.identity, request.limits, status, headers, this.#nowMs())) {
      egress.counts.throttled++
      return true
    }
    // An origin that is down is down for everyone: asked once more and then left in peace.
    return status >= 500 && ![...tried.values()].includes(null)
  }

  /**
   * Whatever the status, the proxy has carried the request; what it did for one that others failed to carry proves
   * their faults.
   */
  #acquit(egress: Egress, tried: ReadonlyMap<Egress, EgressErrorCode | null>): void {
    egress.health.succeed()
    for (const [other, code] of tried) {
      if (code !== null && meaningOf(code).ifProven) convict(other, code)
    }
  }

  #blame(egress: Egress, source: string, error: EgressError): void {
    error.egress = egress.label
    egress.counts.failures++
    this.#errors[error.code] = (this.#errors[error.code] ?? 0) + 1
    if (error.code === 'proxy_banned') {
      this.#budget.observe(source, egress.identity, [], 403, {}, this.#nowMs())
    } else if (error.code === 'proxy_throttled') {
      this.#budget.cool(source, egress.identity, error.retryAfterMs ?? PROXY_THROTTLED_MS, this.#nowMs())
    }
    if (egress.direct) return
    if (meaningOf(error.code).ifProven || meaningOf(error.code).blame === 'neutral') egress.health.unknown()
    else convict(egress, error.code)
  }

  #nowMs(): number {
    return this.#options.now() / 1_000
  }
}

const PROXY_THROTTLED_MS = 30_000

function convict({ health }: Egress, code: EgressErrorCode): void {
  const { blame } = meaningOf(code)
  if (blame === 'fault') health.fault()
  else if (blame === 'half') health.halfFault()
  else if (blame === 'disabled') health.disable()
}

function header(wire: WireResponse, name: string): string | undefined {
  const value = wire.headers[name]
  return Array.isArray(value) ? value.join(',') : value
}
