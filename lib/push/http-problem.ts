import type { ServerResponse } from 'node:http'

/** A refused HTTP request, answered as `application/problem+json` (RFC 9457). */
export class HttpProblem extends Error {
  readonly status: number
  readonly title: string
  readonly retryAfterS: number | undefined
  /** What was expected and what came, for a bad request. */
  readonly facts: Readonly<Record<string, unknown>>

  constructor(
    status: keyof typeof TITLES,
    detail: string,
    { facts = {}, retryAfterS, cause }: { facts?: Record<string, unknown>; retryAfterS?: number; cause?: unknown } = {}
  ) {
    super(detail, { cause })
    this.name = 'HttpProblem'
    this.status = status
    this.title = TITLES[status]
    this.retryAfterS = retryAfterS
    this.facts = facts
  }

  get headers(): Record<string, string> {
    return {
      'content-type': 'application/problem+json; charset=utf-8',
      'cache-control': 'no-store',
      ...(this.status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
      ...(this.status === 426 ? { upgrade: 'websocket' } : {}),
      ...(this.retryAfterS === undefined ? {} : { 'retry-after': String(this.retryAfterS) })
    }
  }

  get body(): string {
    return JSON.stringify({ title: this.title, status: this.status, detail: this.message, ...this.facts })
  }
}

const TITLES = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  426: 'Upgrade Required',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable'
} as const

/** A parameter that is not what it should be. */
export function badParameter(name: string, expected: string, got: unknown): HttpProblem {
  return new HttpProblem(400, `${name}: expected ${expected}`, { facts: { parameter: name, expected, got } })
}

/** What an error of the router means to the client; the facts of an unexpected one stay here. */
export function problemOf(error: unknown): HttpProblem {
  if (error instanceof HttpProblem) return error
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 404) return new HttpProblem(404, 'no such path', { cause: error })
  if (code === 400) return new HttpProblem(400, 'the request could not be read', { cause: error })
  return new HttpProblem(500, 'the request could not be answered', { cause: error })
}

/** Answers with a problem; an answer that has begun already is cut. */
export function sendProblem(response: ServerResponse, problem: HttpProblem): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  response.writeHead(problem.status, problem.headers)
  response.end(problem.body)
}
