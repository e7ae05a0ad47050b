import type { Quote } from '../quote/quote.ts'

/** Why quotes were not relayed: a closed list. */
export const RELAY_ERRORS = {
  /** The broker is away, or the connection ended before it had confirmed. What was sent may have arrived. */
  connection_lost: { retryable: true },
  /** Wrong credentials, missing rights or no such virtual host. */
  denied: { retryable: true },
  /** The broker has an exchange of this name and another kind. */
  misdeclared: { retryable: true },
  /** Nobody would get it: no queue is bound, nobody has subscribed. */
  unroutable: { retryable: true },
  /** The broker did not take it, as a queue that is full. */
  refused: { retryable: true },
  /** The relay was closed. */
  closed: { retryable: true },
  /** No instrument's key. Found before anything is sent. */
  bad_quote: { retryable: false },
  /** A URL of no known broker. */
  bad_url: { retryable: false }
} as const satisfies Record<string, { retryable: boolean }>

export type RelayErrorCode = keyof typeof RELAY_ERRORS

export interface RelayErrorOptions extends ErrorOptions {
  unconfirmed?: readonly Quote[]
}

/** What a relay rejects with. */
export class RelayError extends Error {
  readonly code: RelayErrorCode
  /** Whether the same call may succeed later. */
  readonly retryable: boolean
  /** Those quotes of a batch that were sent, or were to be, and that the broker has not confirmed. */
  readonly unconfirmed: readonly Quote[]

  constructor(code: RelayErrorCode, message: string, { unconfirmed = [], ...options }: RelayErrorOptions = {}) {
    super(`${code}: ${message}`, options)
    this.name = 'RelayError'
    this.code = code
    this.retryable = RELAY_ERRORS[code].retryable
    this.unconfirmed = unconfirmed
  }

  /** Whether the broker is to be waited for: nobody has to mend anything that is set wrong. */
  get isAway(): boolean {
    return this.code === 'connection_lost'
  }
}
