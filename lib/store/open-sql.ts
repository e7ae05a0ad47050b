import { checkUrl } from './check-url.ts'
import type { SqlClient, SqlCounters } from './sql-client.ts'
import { StoreError } from './store-error.ts'

const SQLITE = 'sqlite:'

/**
 * Opens `sqlite:<file>`, `sqlite::memory:` or `mysql://user:password@host:port/database`; only the driver that is named is loaded.
 * @throws StoreError
 */
export async function openSql(url: string, counters?: SqlCounters): Promise<SqlClient> {
  if (url.startsWith(SQLITE) && url.length > SQLITE.length) {
    const { SqliteClient } = await import('./sqlite-client.ts')
    return new SqliteClient(url.slice(SQLITE.length), counters)
  }
  if (url.startsWith('mysql://')) {
    checkUrl(url)
    const { MysqlClient } = await import('./mysql-client.ts')
    return MysqlClient.open(url, counters)
  }
  // The URL may hold a password: only its scheme is told.
  const scheme = /^[a-z0-9+.-]*:/i.exec(url)?.[0] ?? 'no scheme'
  throw new StoreError('bad_url', `expected sqlite:<file> or mysql://user:password@host:port/database, got ${scheme}`)
}
