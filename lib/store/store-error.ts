/** Why a store could not do what it was asked: a closed list. */
export const STORE_ERRORS = [
  /** The server is away, or did not answer in time. What was asked may or may not have happened. */
  'connection_lost',
  /** Others held locks for longer than the retries took. */
  'busy',
  /** Disk full, read-only, or out of memory. */
  'unwritable',
  /** A value that the store cannot keep exactly. Found before anything is written. */
  'out_of_domain',
  /** The tables are not the ones that this version knows. */
  'schema',
  /** Wrong credentials, missing rights or no such database. */
  'denied',
  /** A URL of no known store. */
  'bad_url',
  /** The store was closed. */
  'closed',
  'failed'
] as const
export type StoreErrorCode = (typeof STORE_ERRORS)[number]

/** What is not the fault of the values: it passes by itself, or when an operator has mended it, and until then the stream keeps them. */
const RETRYABLE: readonly StoreErrorCode[] = ['connection_lost', 'busy', 'unwritable', 'schema', 'denied', 'closed']

/** What the history, the catalogue and the latest store reject with. */
export class StoreError extends Error {
  readonly code: StoreErrorCode
  /** Whether the same call may succeed later. */
  readonly retryable: boolean

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(`${code}: ${message}`, options)
    this.name = 'StoreError'
    this.code = code
    this.retryable = RETRYABLE.includes(code)
  }

  /** Whether the server is to be waited for: nobody has to mend anything that is set wrong. */
  get isAway(): boolean {
    return this.code === 'connection_lost' || this.code === 'busy'
  }
}
