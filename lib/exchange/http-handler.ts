import type { IncomingMessage, ServerResponse } from 'node:http'
import type { PeerLog } from './peer-log.ts'
import type { RestApi } from './rest-api.ts'
import { RestRefusal } from './rest-query.ts'
import type { Charge, WeightMeter } from './weight-meter.ts'

export interface HttpParts {
  api: RestApi
  meter: WeightMeter
  log: PeerLog
  /** What `GET /demo/status` tells. */
  status: () => object
  /** What `POST /demo/play` does. */
  play: () => void
  /** `synthetic` or `playback`, in a header of every response. */
  market: string
  limits: { requestWeight: number; rawRequests: number }
}

interface Reply {
  status: number
  headers: Record<string, string>
  body: unknown
}

/** Answers HTTP requests: the venue's API, weighed per peer address, and the demo's own paths under `/demo`, which are free. */
export function createHttpHandler(parts: HttpParts): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const url = parseUrl(request)
    const { status, headers, body } = url?.pathname.startsWith('/demo/')
      ? demo(parts, request, url)
      : weighed(parts, request, url)
    response.writeHead(status, {
      'content-type': 'application/json;charset=UTF-8',
      'cache-control': 'no-store',
      'x-demo-market': parts.market,
      ...headers
    })
    response.end(JSON.stringify(body))
  }
}

function demo({ status, play }: HttpParts, { method }: IncomingMessage, { pathname }: URL): Reply {
  if (pathname === '/demo/status' && method === 'GET') return { status: 200, headers: {}, body: status() }
  if (pathname !== '/demo/play' || method !== 'POST') return notFound
  play()
  return { status: 200, headers: {}, body: status() }
}

const notFound: Reply = { status: 404, headers: {}, body: { code: -1000, msg: 'Not found.' } }

function weighed(parts: HttpParts, request: IncomingMessage, url: URL | undefined): Reply {
  const peer = peerOf(request)
  const endpoint = url === undefined || request.method !== 'GET' ? undefined : parts.api.get(url.pathname)
  const query = url?.searchParams ?? new URLSearchParams()
  const weight = endpoint?.weight(query) ?? 1
  const charge = parts.meter.charge(peer, weight)
  const reply = charge.kind === 'served' ? answer(endpoint, query) : refusal(charge, parts.limits)
  parts.log.count(peer, {
    status: reply.status,
    weight,
    path: endpoint === undefined ? 'other' : (url?.pathname ?? ''),
    userAgent: request.headers['user-agent'] ?? ''
  })
  const used = String(charge.used)
  return { ...reply, headers: { ...reply.headers, 'x-mbx-used-weight': used, 'x-mbx-used-weight-1m': used } }
}

function answer(endpoint: ReturnType<RestApi['get']>, query: URLSearchParams): Reply {
  if (endpoint === undefined) return notFound
  try {
    return { status: 200, headers: {}, body: endpoint.answer(query) }
  } catch (error) {
    if (error instanceof RestRefusal) {
      return { status: 400, headers: {}, body: { code: error.code, msg: error.message } }
    }
    return { status: 500, headers: {}, body: { code: -1000, msg: `Unexpected: ${(error as Error).message}` } }
  }
}

function refusal(charge: Exclude<Charge, { kind: 'served' }>, limits: HttpParts['limits']): Reply {
  const headers = { 'retry-after': String(Math.ceil(charge.retryAfterMs / 1000)) }
  if (charge.kind === 'banned') {
    const msg = `Way too much request weight used; IP banned until ${charge.until}. Please use WebSocket Streams for live updates to avoid bans.`
    return { status: 418, headers, body: { code: -1003, msg } }
  }
  const current =
    charge.limit === 'requestWeight'
      ? `Too much request weight used; current limit is ${limits.requestWeight} request weight per 1 MINUTE.`
      : `Too many requests; current limit is ${limits.rawRequests} requests per 5 MINUTE.`
  const msg = `${current} Please use WebSocket Streams for live updates to avoid polling the API.`
  return { status: 429, headers, body: { code: -1003, msg } }
}

/** The address of the other end; a proxy stands for itself. */
function peerOf(request: IncomingMessage): string {
  return (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '')
}

function parseUrl(request: IncomingMessage): URL | undefined {
  try {
    return new URL(request.url ?? '/', 'http://localhost')
  } catch {
    // A request target that is no URL is answered like a path that does not exist.
    return undefined
  }
}
