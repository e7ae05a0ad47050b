/** What a failed attempt says about the proxy that carried it. */
export type Blame =
  /** The proxy's own transport failed: it cools down. */
  | 'fault'
  /** Two of these in a row are a fault. */
  | 'half'
  /** The credential is no good, or the proxy no honest one: it is not used again. */
  | 'disabled'
  | 'neutral'

interface Meaning {
  /** Whether another egress may succeed. */
  retryable: boolean
  blame: Blame
  /**
   * The blame holds only if the same request then succeeds through another egress; otherwise it is the origin's doing.
   */
  ifProven?: true
}

/** Why a request could not be carried out: a closed list, and what each says about the proxy that carried it. */
export const EGRESS_ERRORS = {
  /** The target is not one that requests may go to. */
  forbidden_target: { retryable: false, blame: 'neutral' },
  /** No egress is left: every credential is disabled. */
  no_egress: { retryable: false, blame: 'neutral' },
  /** Every egress is cooling down for this source or has used its budget; `retryAfterMs` tells how long. */
  throttled: { retryable: false, blame: 'neutral' },
  /** Too many requests wait for a connection of this egress. */
  queue_full: { retryable: true, blame: 'neutral' },
  dns: { retryable: true, blame: 'fault' },
  /** TCP: refused or unreachable. */
  refused: { retryable: true, blame: 'fault' },
  connect_timeout: { retryable: true, blame: 'fault' },
  /** The proxy accepted the connection and did not answer CONNECT. */
  proxy_timeout: { retryable: true, blame: 'fault' },
  /** The proxy closed the connection instead of answering CONNECT; some do so when the origin does not answer them. */
  tunnel_cut: { retryable: true, blame: 'fault', ifProven: true },
  /** The proxy's answer to CONNECT is not HTTP. */
  proxy_garbage: { retryable: true, blame: 'fault' },
  /** CONNECT 407. */
  proxy_auth: { retryable: true, blame: 'disabled' },
  /** CONNECT 403 or 451: this proxy may not reach this source. */
  proxy_banned: { retryable: true, blame: 'neutral' },
  /** CONNECT 429 or 402. */
  proxy_throttled: { retryable: true, blame: 'neutral' },
  /** CONNECT was answered with another refusal: the proxy is broken, or it cannot reach the origin. */
  tunnel_failed: { retryable: true, blame: 'fault', ifProven: true },
  tls_timeout: { retryable: true, blame: 'fault', ifProven: true },
  tls: { retryable: true, blame: 'fault', ifProven: true },
  /** TLS was spoken, with a certificate that is not the origin's: somebody listens in. */
  certificate: { retryable: true, blame: 'disabled', ifProven: true },
  first_byte_timeout: { retryable: true, blame: 'half', ifProven: true },
  /** The body stopped arriving. */
  idle_timeout: { retryable: true, blame: 'half' },
  /** The connection ended before the response did. */
  reset: { retryable: true, blame: 'half' },
  /** The response, on the wire or inflated, is over its bound. */
  too_large: { retryable: false, blame: 'neutral' },
  /** The response cannot be inflated, or is not HTTP. */
  bad_response: { retryable: true, blame: 'neutral' },
  /** The caller gave up. */
  aborted: { retryable: false, blame: 'neutral' },
  /** The request's total time is over. */
  deadline: { retryable: false, blame: 'neutral' },
  /** The pool was closed. */
  closed: { retryable: false, blame: 'neutral' }
} as const satisfies Record<string, Meaning>

export type EgressErrorCode = keyof typeof EGRESS_ERRORS

/** What a code means. */
export function meaningOf(code: EgressErrorCode): Meaning {
  return EGRESS_ERRORS[code]
}

/** A request that got no response. Holds no credentials, nor does anything that it refers to. */
export class EgressError extends Error {
  readonly code: EgressErrorCode
  /** Whether another egress may succeed. */
  readonly retryable: boolean
  /** When trying again makes sense, where that is known. */
  readonly retryAfterMs: number | undefined
  /** The label of the egress, set by the pool; null before one was chosen. */
  egress: string | null = null
  /** Requests that were sent in vain, set by the pool. */
  attempts = 0

  constructor(code: EgressErrorCode, message: string, options: { cause?: unknown; retryAfterMs?: number } = {}) {
    super(`${code}: ${message}`, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'EgressError'
    this.code = code
    this.retryable = EGRESS_ERRORS[code].retryable
    this.retryAfterMs = options.retryAfterMs
  }
}

/** The reason of an aborted signal as an error of this module. */
export function abortError(signal: AbortSignal): EgressError {
  if (signal.reason instanceof EgressError) return signal.reason
  return new EgressError('aborted', 'given up by the caller', { cause: signal.reason })
}
