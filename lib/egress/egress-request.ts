import type { IncomingHttpHeaders } from 'node:http'
import type { Micros } from '../quote/quote.ts'
import type { Limit } from './budget.ts'

/** A GET on behalf of a source. */
export interface EgressRequest {
  /** The source's name; budgets and refusals are kept by it. */
  source: string
  url: string
  headers?: Readonly<Record<string, string>>
  limits: readonly Limit[]
  /** What the request costs of each limit, by the limit's name. */
  cost: Readonly<Record<string, number>>
  /** Identities to spread over the egresses, each egress keeping its own; empty for the honest default. */
  userAgents: readonly string[]
  /** Permits plain http to another host than this one. */
  allowHttp: boolean
  /** For everything: waiting, connecting, retries and reading. */
  timeoutMs: number
  /** For the first byte of the response, where the pool's own time-out does not suit. */
  firstByteMs?: number
  signal?: AbortSignal
}

export interface EgressResponse {
  status: number
  /** Names in lower case. */
  headers: IncomingHttpHeaders
  body: string
  /** The label of the egress that carried it. */
  egress: string
  /** When the request was written to the connection. */
  requestSentTime: Micros
  /** When the last byte of the response was read. */
  receivedTime: Micros
  /** Requests that were sent for it, 1 to 3. */
  attempts: number
}
