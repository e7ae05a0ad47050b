import { type Context, Errors, type Service } from 'moleculer'
import { MAX_SESSIONS, type SessionPage, type SessionQuery } from '../../lib/push/administration.ts'
import type { DrainAnswer, LimitsAnswer } from '../../lib/push/gateway-fleet.ts'
import type { Hub } from '../../lib/push/hub.ts'
import { CHANGEABLE_LIMITS, LimitError } from '../../lib/push/live-limits.ts'
import type { SessionDetails } from '../../lib/push/session-view.ts'

const DEFAULT_SESSIONS = 100
const DRAIN_MS = 20_000
const MAX_DRAIN_MS = 3_600_000
const name = 'string|empty:false|max:200'

/** `admin` is the user of the admin key, where a call comes by REST. */
type AdminContext<Params> = Context<Params, { admin?: string }>

/**
 * The actions of one gateway for whoever runs it: for the REPL, and for REST behind an admin key. With several gateways each is called
 * by its node. Whatever changes something is logged with who did it.
 */
export function adminActions(hub: () => Hub) {
  const by = ({ meta, nodeID }: AdminContext<unknown>): string => meta.admin ?? nodeID ?? 'unknown'
  return {
    /** Sessions in the order of their coming, those that meet all that is given. In pages: go on with `after: next` until it is null. */
    sessions: {
      params: {
        $$strict: true,
        user: `${name}|optional`,
        address: `${name}|optional`,
        plan: `${name}|optional`,
        sid: `${name}|optional`,
        after: 'number|integer|min:0|convert|optional',
        limit: `number|integer|min:1|max:${MAX_SESSIONS}|convert|default:${DEFAULT_SESSIONS}`
      },
      handler: ({ params }: Context<SessionQuery>): SessionPage => hub().administration.list(params)
    },
    /** One session with its subscriptions and rights; null when it is not here. */
    session: {
      params: { $$strict: true, id: name },
      handler: ({ params }: Context<{ id: string }>): SessionDetails | null =>
        hub().administration.inspect(params.id) ?? null
    },
    /** Closes one session, or all of a user. Clients do not come back, or, with `retry`, after a while. */
    kick: {
      params: {
        $$strict: true,
        session: `${name}|optional`,
        user: `${name}|optional`,
        retry: 'boolean|convert|default:false'
      },
      handler(
        this: Service,
        ctx: AdminContext<{ session?: string; user?: string; retry: boolean }>
      ): { kicked: string[] } {
        const { session, user, retry } = ctx.params
        if ((session === undefined) === (user === undefined))
          throw new Errors.MoleculerClientError('expected one of session and user', 422, 'BAD_KICK')
        const target = session === undefined ? { user: user ?? '' } : { session }
        const kicked = hub().administration.kick(target, retry)
        if (kicked.length > 0)
          this.logger.warn('gateway: sessions were closed by an administrator', {
            ...target,
            retry,
            kicked,
            by: by(ctx)
          })
        return { kicked }
      }
    },
    /** The limits in force. Those of `change` are other ones from now on, until the next start. */
    limits: {
      params: { $$strict: true, change: 'object|optional' },
      handler(this: Service, ctx: AdminContext<{ change?: Record<string, unknown> }>): LimitsAnswer {
        const { administration } = hub()
        const changed = changeLimits(hub(), ctx.params.change ?? {})
        for (const { limit, from, to } of changed)
          this.logger.warn('gateway: a limit was changed until the next start', { limit, from, to, by: by(ctx) })
        return { limits: administration.limits, changeable: CHANGEABLE_LIMITS, changed }
      }
    },
    /** Sends all clients to other gateways within `inMs`, each at a time of its own, and takes no new ones. What is under way keeps its time. */
    drain: {
      params: { $$strict: true, inMs: `number|integer|min:0|max:${MAX_DRAIN_MS}|convert|default:${DRAIN_MS}` },
      handler(this: Service, ctx: AdminContext<{ inMs: number }>): DrainAnswer {
        const { inMs } = ctx.params
        const begun = hub().drain(inMs)
        const { sessions } = hub()
        if (begun) this.logger.warn('gateway: it is being drained', { inMs, sessions, by: by(ctx) })
        return { begun, sessions }
      }
    },
    /** Takes clients again; those that are still here stay, unless they were told to leave already. */
    undrain: {
      params: { $$strict: true },
      handler(this: Service, ctx: AdminContext<unknown>): { sessions: number } {
        hub().undrain()
        this.logger.warn('gateway: it is not drained any more', { sessions: hub().sessions, by: by(ctx) })
        return { sessions: hub().sessions }
      }
    }
  }
}

/** @throws MoleculerClientError `BAD_LIMIT`, 422 */
function changeLimits({ administration }: Hub, changes: Record<string, unknown>) {
  try {
    return administration.changeLimits(changes)
  } catch (error) {
    if (!(error instanceof LimitError)) throw error
    const { message, limit, expected, got } = error
    throw new Errors.MoleculerClientError(message, 422, 'BAD_LIMIT', { parameter: limit, expected, got })
  }
}
