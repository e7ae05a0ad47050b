import type { ErrorMessage } from './messages.ts'

/** Errors that the gateway sends; it also says whether the same may succeed later. */
export type GatewayErrorCode =
  | 'bad_message'
  | 'not_authenticated'
  | 'auth_failed'
  | 'forbidden'
  | 'unknown'
  | 'symbol_limit'
  | 'connection_limit'
  | 'slow_client'
  | 'deadline'
  | 'not_in_plan'
  | 'too_big'
  | 'rate_limited'
  | 'cannot_resume'
  | 'internal'
  | 'not_ready'

/** The client's own errors, and whether the same may succeed later. */
export const CLIENT_ERRORS = {
  bad_frame: true,
  bad_option: false,
  board_full: false,
  busy: true,
  closed: false,
  connection_lost: true,
  consumer_slow: true,
  lost: true,
  not_connected: true,
  refused: false,
  timeout: true
} as const

export type ErrorCode = GatewayErrorCode | keyof typeof CLIENT_ERRORS

export interface ErrorFacts {
  cause?: unknown
  retryable?: boolean
  retryAfterMs?: number | undefined
  /** The WebSocket's close code, for `refused`. */
  closeCode?: number | undefined
}

/** What went wrong. Its code decides; its message is for people. */
export class QuoteClientError extends Error {
  readonly code: ErrorCode
  readonly retryable: boolean
  readonly retryAfterMs: number | undefined
  readonly closeCode: number | undefined

  /** Where the code says it all there is no other message. */
  constructor(code: ErrorCode, message: string = code, { cause, retryable, retryAfterMs, closeCode }: ErrorFacts = {}) {
    super(message, { cause })
    this.name = 'QuoteClientError'
    this.code = code
    this.retryable = retryable ?? (CLIENT_ERRORS as Partial<Record<ErrorCode, boolean>>)[code] ?? false
    this.retryAfterMs = retryAfterMs
    this.closeCode = closeCode
  }
}

/** An error that the gateway sent. A newer gateway may know more names than this client: they come as they are. */
export function errorOf({ name, message, retry, retryAfterMs }: ErrorMessage): QuoteClientError {
  return new QuoteClientError(name as GatewayErrorCode, message, { retryable: retry, retryAfterMs })
}
