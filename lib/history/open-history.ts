import { openSql } from '../store/open-sql.ts'
import type { SqlCounters } from '../store/sql-client.ts'
import { HISTORY_MIGRATIONS } from './history-migrations.ts'
import type { HistoryStore } from './history-store.ts'
import { SqlHistory } from './sql-history.ts'

/**
 * Opens the history at `sqlite:<file>`, `sqlite::memory:` or `mysql://…` and brings its tables up to date.
 * @throws StoreError
 */
export async function openHistory(url: string, counters?: SqlCounters): Promise<HistoryStore> {
  const client = await openSql(url, counters)
  try {
    await client.migrate(HISTORY_MIGRATIONS)
    return new SqlHistory(client)
  } catch (error) {
    await client.close()
    throw error
  }
}
