import type { EncodingName } from './protocol.ts'
import type { RowField } from './row-field.ts'
import type { Mode } from './signature.ts'

/** A subscription as a session keeps it: what its signature is made of. */
export interface StoredSubscription {
  sid: string
  /** The sids that the client may know it by, the last first, where it was served more slowly than it had asked. */
  servedAs?: string[]
  keys: string[]
  patterns: string[]
  fields: RowField[]
  intervalMs: number
  mode: Mode
  rows: boolean
  /** That of the connection, which the next one need not have. */
  encoding: EncodingName
}

/** What a client that comes back, to whichever gateway, is given again. */
export interface StoredSession {
  id: string
  /** SHA-256 of the token that the client was given, so that whoever reads the store cannot resume. */
  tokenHash: string
  subscriptions: StoredSubscription[]
}

/**
 * Sessions of clients, for as long as they may be resumed. A session that was not saved or touched for that long is forgotten.
 * Every method may reject with a retryable `StoreError`; what was saved before stays.
 */
export interface SessionStore {
  /** Saves a session, in place of what was saved of it before. */
  save(session: StoredSession): Promise<void>
  /** Keeps sessions for another while. @returns the ids of those that are not here */
  touch(ids: readonly string[]): Promise<string[]>
  /** Gives a session out and forgets it, so that it is resumed once; undefined when there is none of this id and token hash. */
  take(id: string, tokenHash: string): Promise<StoredSession | undefined>
  /** Idempotent. */
  close(): Promise<void>
}
