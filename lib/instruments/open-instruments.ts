import { openSql } from '../store/open-sql.ts'
import type { SqlCounters } from '../store/sql-client.ts'
import { INSTRUMENT_MIGRATIONS } from './instrument-migrations.ts'
import type { InstrumentStore } from './instrument-store.ts'
import { MemoryInstruments } from './memory-instruments.ts'
import { SqlInstruments } from './sql-instruments.ts'

/** Opens the catalogue at a URL of the history, or at `memory:`, and brings its table up to date. @throws StoreError */
export async function openInstruments(url: string, counters?: SqlCounters): Promise<InstrumentStore> {
  if (url === 'memory:') return new MemoryInstruments()
  const client = await openSql(url, counters)
  try {
    await client.migrate(INSTRUMENT_MIGRATIONS)
    return new SqlInstruments(client)
  } catch (error) {
    await client.close()
    throw error
  }
}
