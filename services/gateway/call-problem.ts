import { Errors } from 'moleculer'
import { HttpProblem } from '../../lib/push/http-problem.ts'

const RETRY_AFTER_S = 2

/** What the failure of a call to a gateway means to who asked by HTTP. It may have crossed the bus, so its fields tell what it is. */
export function callProblem(error: unknown): HttpProblem {
  if (!(error instanceof Errors.MoleculerError))
    return new HttpProblem(500, 'the request could not be answered', { cause: error })
  const { code, message } = error
  const data: unknown = error.data
  if (code === 404) return new HttpProblem(404, 'no such gateway', { cause: error })
  if (code !== 422) {
    const retryAfterS = RETRY_AFTER_S
    return new HttpProblem(503, 'a gateway did not answer', { retryAfterS, cause: error })
  }
  // What the validator found comes as a list, one entry a parameter.
  if (!Array.isArray(data))
    return new HttpProblem(400, message, { facts: { ...(data as object | undefined) }, cause: error })
  const [found = {}] = data as { field?: string; message?: string; expected?: unknown; actual?: unknown }[]
  const facts = { parameter: found.field ?? found.actual, expected: found.expected, got: found.actual }
  return new HttpProblem(400, found.message ?? message, { facts, cause: error })
}
