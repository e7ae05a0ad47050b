import type { Micros } from '../quote/quote.ts'
import { openConnection, type Route } from './connect.ts'
import { Health, type HealthOptions } from './health.ts'
import { Lanes } from './lanes.ts'
import type { ProxyServer } from './proxy-server.ts'
import { exchange, type WireRequest, type WireResponse } from './response.ts'
import type { Target } from './target.ts'

/** What happened on one way out. */
export interface EgressCounts {
  requests: number
  /** Responses, whatever their status. */
  responses: number
  /** Requests without a response. */
  failures: number
  /** Responses that said that the address is not welcome for now. */
  throttled: number
}

export type EgressOptions = Pick<Route, 'timeouts' | 'ca'> &
  HealthOptions & {
    proxy: ProxyServer | null
    /** The place in the list, from 0. */
    index: number
    /** Connections to one origin at the most. */
    connections: number
    now: () => Micros
  }

/** Origins with open connections; the longest unused one makes room. */
const MAX_ORIGINS = 32

/** One way out: a proxy, or direct. Owns its connections, its health and its counters. */
export class Egress {
  readonly label: string
  /** Names it in the budgets. */
  readonly #identity: string
  readonly index: number
  readonly health: Health
  readonly counts: EgressCounts = { requests: 0, responses: 0, failures: 0, throttled: 0 }
  readonly #options: EgressOptions
  /** By origin, in order of use. */
  readonly #lanes = new Map<string, Lanes>()

  constructor(options: EgressOptions) {
    this.#options = options
    this.label = options.proxy?.label ?? 'direct'
    this.#identity = options.proxy?.identity ?? 'direct'
    this.index = options.index
    this.health = new Health(options)
  }

  get identity(): string {
    return this.#identity
  }

  get direct(): boolean {
    return this.#options.proxy === null
  }

  /** Whether a request to an origin would begin at once. */
  free(origin: string): boolean {
    return this.#lanes.get(origin)?.free ?? true
  }

  /** Sends one GET. @throws EgressError */
  send(target: Target, request: Omit<WireRequest, 'origin' | 'path'>, signal: AbortSignal): Promise<WireResponse> {
    this.counts.requests++
    const { origin, path } = target
    return this.#lanesTo(target).run(
      client => exchange(client, { ...request, origin, path }, this.#options.now),
      signal
    )
  }

  /** Closes every connection; requests under way fail. Idempotent. */
  close(): void {
    for (const lanes of this.#lanes.values()) lanes.close()
    this.#lanes.clear()
  }

  #lanesTo(target: Target): Lanes {
    let lanes = this.#lanes.get(target.origin)
    if (lanes === undefined) {
      const { proxy, timeouts, ca, connections } = this.#options
      const { host, port, secure, origin } = target
      lanes = new Lanes(
        origin,
        signal => openConnection({ target: { host, port, secure }, proxy, timeouts, ca }, signal),
        connections
      )
      this.#makeRoom()
    } else {
      this.#lanes.delete(target.origin)
    }
    this.#lanes.set(target.origin, lanes)
    return lanes
  }

  #makeRoom(): void {
    if (this.#lanes.size < MAX_ORIGINS) return
    for (const [origin, lanes] of this.#lanes) {
      if (!lanes.quiet) continue
      lanes.close()
      this.#lanes.delete(origin)
      return
    }
  }
}
