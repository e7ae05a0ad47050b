import { type Context, Errors } from 'moleculer'
import { answerKey, answerLatest, checkEntitled } from '../../lib/push/board-answer.ts'
import { systemClock } from '../../lib/push/clock.ts'
import { HttpProblem } from '../../lib/push/http-problem.ts'
import type { Hub } from '../../lib/push/hub.ts'
import { parseHistoryQuery, parseKeyQuery, parseLatestQuery } from '../../lib/push/quote-query.ts'
import type { Visits } from '../../lib/push/visits.ts'
import type { Quote } from '../../lib/quote/quote.ts'
import { answer, type RestContext } from './rest-answer.ts'

const RETRY_AFTER_S = 2

export interface RestDeps {
  /** There is one from the start of the service on. */
  hub: () => Hub
  visits: Visits
  /** Names of the sources whose prices are those of the demo market. */
  demoSources: () => string[]
}

/** The actions behind the routes: rows of now, history, and whether this gateway is well. A problem is an answer, not an error. */
export function restActions({ hub, visits, demoSources }: RestDeps) {
  const entitlementOf = async (ctx: RestContext) => (await hub().gate.identify(visits.find(ctx.meta.visit))).entitlement
  return {
    /** Latest rows of `keys`, or of all, as JSON text. */
    quotes: {
      handler: (ctx: RestContext): Promise<unknown> =>
        answer(ctx, async () => {
          const entitlement = await entitlementOf(ctx)
          return answerLatest(readyBoard(hub()), parseLatestQuery(ctx.params), entitlement)
        })
    },
    /** The latest row of `key`, as JSON text. */
    quote: {
      handler: (ctx: RestContext): Promise<unknown> =>
        answer(ctx, async () => {
          const entitlement = await entitlementOf(ctx)
          const { key, fields } = parseKeyQuery(ctx.params)
          return answerKey(readyBoard(hub()), key, fields, entitlement)
        })
    },
    /** Stored quotes of `key` by observed time. */
    history: {
      handler: (ctx: RestContext): Promise<unknown> =>
        answer(ctx, async () => {
          const entitlement = await entitlementOf(ctx)
          const query = parseHistoryQuery(ctx.params, systemClock.nowMicros())
          checkEntitled(entitlement, query.key)
          const data = await fromStorage(ctx.call<Quote[], typeof query>('storage.history', query))
          return { ...query, data }
        })
    },
    health: {
      handler: (ctx: Context) => healthOf(hub(), ctx.broker.nodeID, demoSources())
    },
    ready: {
      handler: (ctx: RestContext): Promise<unknown> =>
        answer(ctx, () => {
          readyBoard(hub())
          if (hub().isDraining)
            throw new HttpProblem(503, 'this gateway is being drained', { retryAfterS: RETRY_AFTER_S })
          if (hub().overload.isRefusing)
            throw new HttpProblem(503, 'this gateway is overloaded', {
              retryAfterS: Math.ceil(hub().limits.overloadRetryMs / 1000)
            })
          return { ready: true }
        })
    }
  }
}

function healthOf({ isReady, isDraining, board, sessions, statuses, access }: Hub, node: string, demo: string[]) {
  return {
    status: isReady ? 'ok' : 'loading',
    node,
    uptimeS: Math.floor(process.uptime()),
    ready: isReady,
    draining: isDraining,
    epoch: board.epoch,
    q: board.position,
    instruments: board.entries.size,
    sessions,
    /** Sources whose prices are synthetic. */
    demo,
    /** Sources and instruments that are not ok; of instruments those that anybody may see. */
    troubles: statuses.filter(
      ({ scope, id }) => scope === 'source' || access.anonymous?.entitlement.allows(id) === true
    )
  }
}

/** The board once it is complete. @throws HttpProblem 503 before. */
function readyBoard({ isReady, board }: Hub): Hub['board'] {
  if (!isReady) throw new HttpProblem(503, 'the board is being loaded', { retryAfterS: RETRY_AFTER_S })
  return board
}

/** @throws HttpProblem 503 when no storage answers or it asks to try again. */
async function fromStorage<T>(call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (cause) {
    if (cause instanceof Errors.MoleculerError && (cause.retryable || cause.code === 404))
      throw new HttpProblem(503, 'the history is not available now', { retryAfterS: RETRY_AFTER_S, cause })
    throw cause
  }
}
