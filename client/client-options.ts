import { QuoteClientError } from './client-error.ts'
import { type ResumePolicy, STREAM_PATH } from './messages.ts'
import type { SocketConstructor } from './socket.ts'

/** What proves who the client is. */
export type Credential = { token: string } | { key: string }

export interface QuoteClientOptions {
  /** A credential, or a function that gives a fresh one; it is asked at each connection and before the old one expires. */
  auth?: Credential | (() => Credential | Promise<Credential>)
  /** What to ask for after a reconnect: the missed updates, or only the board of now. */
  resume?: ResumePolicy
  /** Ends the client. */
  signal?: AbortSignal
  /** The environment's own when absent. */
  WebSocket?: SocketConstructor
  /** Silence after which a connection counts as dead, also while it is being made. */
  silenceMs?: number
  requestTimeoutMs?: number
  /** The upper limit of the first wait; it doubles each time up to `maxRetryMs`. */
  firstRetryMs?: number
  maxRetryMs?: number
  /** A connection that lasted so long begins the back-off anew. */
  stableMs?: number
  /** Instruments of one subscription. */
  maxRows?: number
  /** Rows that may wait for one iterator of a subscription in mode `all`. */
  maxQueuedRows?: number
  /** From 0 to below 1. */
  random?: () => number
}

export const DEFAULT_OPTIONS = Object.freeze({
  resume: 'replay',
  silenceMs: 5_000,
  requestTimeoutMs: 10_000,
  firstRetryMs: 250,
  maxRetryMs: 30_000,
  stableMs: 10_000,
  maxRows: 100_000,
  maxQueuedRows: 10_000,
  random: Math.random
}) satisfies QuoteClientOptions

export type CheckedOptions = Readonly<QuoteClientOptions & Required<Omit<QuoteClientOptions, 'auth' | 'signal'>>>

/** From here on timers fire at once. */
const MAX_NUMBER = 2 ** 31

/** @throws QuoteClientError `bad_option` that says what was expected and what came. */
export function checkOptions(options: QuoteClientOptions): CheckedOptions {
  const checked = { ...DEFAULT_OPTIONS, WebSocket: globalThis.WebSocket as SocketConstructor, ...options }
  for (const [name, value] of Object.entries(checked))
    if (/^max|Ms$/.test(name) && !(typeof value === 'number' && value > 0 && value < MAX_NUMBER))
      throw new QuoteClientError('bad_option', `${name}: expected 0 < number < 2^31, got ${value}`)
  if (typeof checked.WebSocket !== 'function') throw new QuoteClientError('bad_option', 'WebSocket: expected a class')
  return Object.freeze(checked)
}

/** Addresses of gateways: `ws` and `wss`, or the page's own `http` and `https`; without a path that of the protocol. */
export function checkUrls(urls: string | readonly string[]): readonly string[] {
  const all = [urls].flat()
  if (all.length === 0) throw new QuoteClientError('bad_option', 'url: expected at least one')
  return all.map(text => {
    const url = URL.canParse(text) ? new URL(text) : null
    if (url === null || !/^(ws|http)s?:$/.test(url.protocol))
      throw new QuoteClientError('bad_option', `url: expected ws:// or wss://, got ${text}`)
    url.protocol = url.protocol.replace('http', 'ws')
    url.hash = ''
    if (url.pathname === '/') url.pathname = STREAM_PATH
    return url.href
  })
}
