import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AllowedOrigins } from '../access/origins.ts'
import { STREAM_PATH } from './protocol.ts'

const QUOTES_PATH = '/api/v1/quotes'
/** For so long a browser need not ask again. */
const MAX_AGE_S = 600

/**
 * Lets pages of the allowed origins read quotes by REST and server-sent events (CORS). There are no cookies here, so credentials are
 * never allowed. The administration is no business of other pages.
 * @returns whether the request was a browser's question beforehand, and is answered
 */
export function crossOrigin(allowed: AllowedOrigins, request: IncomingMessage, response: ServerResponse): boolean {
  if (allowed === 'unsaid' || allowed === null || !isOpenToPages(request)) return false
  const { origin } = request.headers
  response.setHeader('vary', 'Origin')
  const isAllowed = origin !== undefined && (allowed === 'any' || allowed.has(origin))
  if (isAllowed) {
    response.setHeader('access-control-allow-origin', allowed === 'any' ? '*' : origin)
    response.setHeader('access-control-expose-headers', 'Retry-After')
  }
  const isQuestion = request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined
  if (origin === undefined || !isQuestion) return false
  if (isAllowed) {
    response.setHeader('access-control-allow-methods', 'GET')
    response.setHeader('access-control-allow-headers', 'Authorization, X-API-Key, Last-Event-ID')
    response.setHeader('access-control-max-age', MAX_AGE_S)
  }
  response.writeHead(204).end()
  return true
}

function isOpenToPages({ url = '' }: IncomingMessage): boolean {
  const path = url.split('?', 1)[0] ?? ''
  return path === STREAM_PATH || path === QUOTES_PATH || path.startsWith(`${QUOTES_PATH}/`)
}
