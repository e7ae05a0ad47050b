import { type FleetAnswers, GatewayFleet } from '../../lib/push/gateway-fleet.ts'
import { HttpProblem } from '../../lib/push/http-problem.ts'
import type { Hub } from '../../lib/push/hub.ts'
import { readJsonBody } from '../../lib/push/read-json-body.ts'
import type { Visits } from '../../lib/push/visits.ts'
import { callProblem } from './call-problem.ts'
import { answer, type RestContext } from './rest-answer.ts'

/** What a request of an administrator asks for. */
interface Asked {
  fleet: GatewayFleet
  /** The one gateway that is meant; undefined for all. */
  node: string | undefined
  /** The parameters of the address but `node`. What they may be, the actions behind say. */
  query: Record<string, unknown>
  body: Record<string, unknown>
}

/**
 * The administration by REST, for admin keys only: every path asks the gateway that `node` names, or all of them, and tells of each
 * what it answered. Behind a load balancer it is all the same which gateway gets the request.
 */
export function adminRestActions(hub: () => Hub, visits: Visits) {
  const admin = (work: (asked: Asked) => Promise<unknown>) => ({
    handler: (ctx: RestContext): Promise<unknown> =>
      answer(ctx, async () => {
        const request = visits.find(ctx.meta.visit)
        const { user } = await hub().gate.identifyAdmin(request)
        ctx.meta.$responseHeaders = { 'cache-control': 'no-store' }
        Object.assign(ctx.meta, { admin: user })
        const { node, ...query } = ctx.params
        if (node !== undefined && (typeof node !== 'string' || node === ''))
          throw new HttpProblem(400, 'node: expected the name of one gateway')
        const fleet = new GatewayFleet({
          nodeID: ctx.broker.nodeID,
          call: (action, params, options) => ctx.call(action, params, options)
        })
        return await work({ fleet, node, query, body: request === undefined ? {} : await readJsonBody(request) })
      })
  })
  return {
    adminSessions: admin(async ({ fleet, node, query }) => told(await fleet.ask('sessions', query, node))),
    adminSession: admin(async ({ fleet, node, query: { id } }) => {
      const asked = await fleet.ask('session', { id: String(id) }, node)
      const found = asked.answers.find(({ answer }) => answer !== null)
      if (found !== undefined) return { node: found.node, ...found.answer }
      // A gateway that did not answer may have it.
      if (asked.failed.length > 0) throw callProblem(asked.failed[0]?.error)
      throw new HttpProblem(404, 'no such session')
    }),
    adminKick: admin(async ({ fleet, node, body }) => told(await fleet.ask('kick', body, node))),
    adminLimits: admin(async ({ fleet, node }) => told(await fleet.ask('limits', {}, node))),
    adminChangeLimits: admin(async ({ fleet, node, body }) => told(await fleet.ask('limits', { change: body }, node))),
    adminDrain: admin(async ({ fleet, node, body }) => told(await fleet.ask('drain', body, only(node)))),
    adminUndrain: admin(async ({ fleet, node }) => told(await fleet.ask('undrain', {}, only(node))))
  }
}

/** What all gateways answered, and who did not. @throws HttpProblem when none did. */
function told({ answers, failed }: FleetAnswers<object>): unknown {
  const [first] = failed
  if (answers.length === 0 && first !== undefined) throw callProblem(first.error)
  return {
    gateways: answers.map(({ node, answer }) => ({ node, ...answer })),
    failed: failed.map(({ node, error }) => ({ node, detail: callProblem(error).message }))
  }
}

/** Drained together, all gateways would send their clients to nowhere. @throws HttpProblem 400 */
function only(node: string | undefined): string {
  if (node === undefined) throw new HttpProblem(400, 'node: expected the name of one gateway, got none')
  return node
}
