import { StoreError, type StoreErrorCode } from './store-error.ts'

/** SQLite's primary result codes that mean something to a caller. */
const CODES: Readonly<Record<number, StoreErrorCode>> = {
  1: 'schema', // SQLITE_ERROR: no such table or column, as all SQL here is fixed
  3: 'denied', // SQLITE_PERM
  5: 'busy', // SQLITE_BUSY
  6: 'busy', // SQLITE_LOCKED
  8: 'unwritable', // SQLITE_READONLY
  10: 'unwritable', // SQLITE_IOERR
  13: 'unwritable', // SQLITE_FULL
  14: 'denied', // SQLITE_CANTOPEN
  18: 'out_of_domain', // SQLITE_TOOBIG
  19: 'out_of_domain', // SQLITE_CONSTRAINT, of a type or of NOT NULL
  26: 'schema' // SQLITE_NOTADB
}

/** The coded form of what `node:sqlite` throws. */
export function sqliteError(error: unknown): StoreError {
  if (error instanceof StoreError) return error
  const { errcode, message } = error as Error & { errcode?: number }
  const code = errcode === undefined ? 'failed' : (CODES[errcode & 0xff] ?? 'failed')
  return new StoreError(code, message, { cause: error })
}
