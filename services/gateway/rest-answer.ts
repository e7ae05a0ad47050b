import type { Context } from 'moleculer'
import type { ContextResponseMeta } from 'moleculer-web'
import { HttpProblem } from '../../lib/push/http-problem.ts'
import type { Parameters } from '../../lib/push/quote-query.ts'

/** `visit` names the HTTP request; without one the call comes from inside the cluster. */
export type RestMeta = ContextResponseMeta & { visit?: string }
export type RestContext = Context<Parameters, RestMeta>

const JSON_TYPE = 'application/json; charset=utf-8'

/** Gives what `work` gives, a text as JSON; a problem becomes the answer's status, headers and body. */
export async function answer(ctx: RestContext, work: () => unknown): Promise<unknown> {
  try {
    const given = await work()
    if (typeof given === 'string') ctx.meta.$responseType = JSON_TYPE
    return given
  } catch (error) {
    if (!(error instanceof HttpProblem)) throw error
    const { 'content-type': type, ...headers } = error.headers
    ctx.meta.$statusCode = error.status
    ctx.meta.$responseType = type
    ctx.meta.$responseHeaders = headers
    return error.body
  }
}
