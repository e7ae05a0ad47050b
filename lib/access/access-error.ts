/**
 * Why access is refused. `not_authenticated`: no credential where one is needed. `auth_failed`: the credential is no good.
 * `forbidden`: known, but not allowed. `connection_limit`: too many connections of a user or an address. `rate_limited`: too many new
 * ones of an address at once. `full`: the gateway takes no more.
 */
export type AccessCode =
  | 'not_authenticated'
  | 'auth_failed'
  | 'forbidden'
  | 'connection_limit'
  | 'rate_limited'
  | 'full'

/** A refusal. Its text goes to the client: it never repeats a token or a key, and has no cause that does. */
export class AccessError extends Error {
  readonly code: AccessCode
  /** When the same may be tried again; undefined when that is no use. */
  readonly retryAfterMs: number | undefined

  constructor(code: AccessCode, message: string, retryAfterMs?: number) {
    super(message)
    this.name = 'AccessError'
    this.code = code
    this.retryAfterMs = retryAfterMs
  }
}
