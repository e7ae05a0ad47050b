import type { SessionPage, SessionQuery } from './administration.ts'
import type { PushLimits } from './limits.ts'
import type { LimitChange } from './live-limits.ts'
import type { SessionDetails } from './session-view.ts'

/** What `gateway.health` tells, as far as it is looked at from elsewhere. */
export interface GatewayHealth {
  node: string
  ready: boolean
  draining: boolean
  uptimeS: number
  epoch: string
  q: number
  instruments: number
  sessions: number
}

/** The limits in force, and what a call has changed in them. */
export interface LimitsAnswer {
  limits: PushLimits
  /** Those that may be changed, with what they may be. */
  changeable: Readonly<Record<string, { min: number; max: number }>>
  changed: LimitChange[]
}

export interface DrainAnswer {
  /** False when the gateway was being drained already, in the time that was said then. */
  begun: boolean
  sessions: number
}

/** The actions of one gateway for whoever runs it: parameters and answers. A test holds them against the service. */
export interface GatewayActions {
  health: (params: Record<string, never>) => GatewayHealth
  sessions: (params: Partial<SessionQuery>) => SessionPage
  /** Null when that gateway has no such session. */
  session: (params: { id: string }) => SessionDetails | null
  /** One of `session` and `user`. */
  kick: (params: { session?: string; user?: string; retry?: boolean }) => { kicked: string[] }
  limits: (params: { change?: Record<string, unknown> }) => LimitsAnswer
  drain: (params: { inMs?: number }) => DrainAnswer
  undrain: (params: Record<string, never>) => { sessions: number }
}

export type GatewayAction = keyof GatewayActions

/** What is needed of a broker, or of a call under way. */
export interface GatewayBus {
  /** The node from which is asked. */
  readonly nodeID: string
  call<Answer, Params>(action: string, params: Params, options: { nodeID: string; timeout: number }): Promise<Answer>
}

/** What came back from all that were asked, in the order of their names. */
export interface FleetAnswers<Answer> {
  answers: { node: string; answer: Answer }[]
  failed: { node: string; error: unknown }[]
}

/** A gateway that does not answer by then is told of as failed. */
const TIMEOUT_MS = 5_000

/** All gateways that a node knows of. Each is asked by its name: sessions and limits are its own. */
export class GatewayFleet {
  readonly #bus: GatewayBus

  constructor(bus: GatewayBus) {
    this.#bus = bus
  }

  /** Their nodes, by name. */
  async nodes(): Promise<string[]> {
    const { nodeID } = this.#bus
    const services = await this.#bus.call<{ name: string; nodes: string[] }[], { onlyAvailable: boolean }>(
      '$node.services',
      { onlyAvailable: true },
      { nodeID, timeout: TIMEOUT_MS }
    )
    return services.flatMap(({ name, nodes }) => (name === 'gateway' ? nodes : [])).sort()
  }

  /** Asks one gateway, or all at once. Never rejects because one of them failed. */
  async ask<A extends GatewayAction>(
    action: A,
    params: Parameters<GatewayActions[A]>[0],
    node?: string
  ): Promise<FleetAnswers<ReturnType<GatewayActions[A]>>> {
    const nodes = node === undefined ? await this.nodes() : [node]
    const asked: FleetAnswers<ReturnType<GatewayActions[A]>> = { answers: [], failed: [] }
    const outcomes = await Promise.allSettled(
      nodes.map(nodeID =>
        this.#bus.call<ReturnType<GatewayActions[A]>, typeof params>(`gateway.${action}`, params, {
          nodeID,
          timeout: TIMEOUT_MS
        })
      )
    )
    for (const [index, outcome] of outcomes.entries()) {
      const name = nodes[index] ?? ''
      if (outcome.status === 'fulfilled') asked.answers.push({ node: name, answer: outcome.value })
      else asked.failed.push({ node: name, error: outcome.reason })
    }
    return asked
  }
}
