import { StoreError, type StoreErrorCode } from './store-error.ts'

/** Error numbers of MySQL and MariaDB that mean something to a caller. */
const CODES: Readonly<Record<number, StoreErrorCode>> = {
  1020: 'busy', // ER_CHECKREAD
  1021: 'unwritable', // ER_DISK_FULL
  1040: 'busy', // ER_CON_COUNT_ERROR
  1044: 'denied', // ER_DBACCESS_DENIED_ERROR
  1045: 'denied', // ER_ACCESS_DENIED_ERROR
  1049: 'denied', // ER_BAD_DB_ERROR
  1053: 'connection_lost', // ER_SERVER_SHUTDOWN
  1054: 'schema', // ER_BAD_FIELD_ERROR
  1114: 'unwritable', // ER_RECORD_FILE_FULL
  1142: 'denied', // ER_TABLEACCESS_DENIED_ERROR
  1146: 'schema', // ER_NO_SUCH_TABLE
  1203: 'busy', // ER_TOO_MANY_USER_CONNECTIONS
  1205: 'busy', // ER_LOCK_WAIT_TIMEOUT
  1213: 'busy', // ER_LOCK_DEADLOCK
  1264: 'out_of_domain', // ER_WARN_DATA_OUT_OF_RANGE
  1265: 'out_of_domain', // WARN_DATA_TRUNCATED
  1290: 'unwritable', // ER_OPTION_PREVENTS_STATEMENT: read only
  1317: 'connection_lost', // ER_QUERY_INTERRUPTED
  1366: 'out_of_domain', // ER_TRUNCATED_WRONG_VALUE_FOR_FIELD
  1406: 'out_of_domain', // ER_DATA_TOO_LONG
  1836: 'unwritable', // ER_READ_ONLY_MODE
  1927: 'connection_lost', // ER_CONNECTION_KILLED
  3024: 'connection_lost' // ER_QUERY_TIMEOUT
}

const NETWORK = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'PROTOCOL_CONNECTION_LOST',
  'PROTOCOL_SEQUENCE_TIMEOUT'
])

/** Locks were lost while the connection is well: the same statements may be given again at once. */
export function isLockConflict(error: unknown): boolean {
  const errno = (error as { errno?: number } | undefined)?.errno
  return errno === 1213 || errno === 1205 || errno === 1020
}

/** The server does not take LOAD DATA LOCAL: `local_infile` is off. */
export function isLoadRefused(error: unknown): boolean {
  const errno = (error as { errno?: number } | undefined)?.errno
  return errno === 1148 || errno === 3948 || errno === 4166
}

/** The coded form of what `mysql2` rejects with. */
export function mysqlError(error: unknown): StoreError {
  if (error instanceof StoreError) return error
  const { code, errno, fatal, message } = error as Error & { code?: string; errno?: number; fatal?: boolean }
  return new StoreError(codeOf(code, errno, fatal), message, { cause: error })
}

function codeOf(code: string | undefined, errno: number | undefined, fatal: boolean | undefined): StoreErrorCode {
  const known = errno === undefined ? undefined : CODES[errno]
  if (known !== undefined) return known
  return fatal === true || (code !== undefined && NETWORK.has(code)) ? 'connection_lost' : 'failed'
}
