import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createConnection } from 'mysql2/promise'
import { openHistory } from '../../lib/history/open-history.ts'
import type { Scope } from '../../test/kit/clean-up.ts'
import { startMariadb } from '../../test/kit/mariadb.ts'

/** A private MariaDB with the tables of the history, fresh for each measurement. */
export interface Database {
  url: string
  /** Of the server. */
  pid: number
  /** Drops what is there and makes the tables anew. */
  clear(): Promise<void>
}

const TABLES = ['quotes', 'series', 'instrument_keys', 'schema_migrations']

export async function startDatabase(scope: Scope): Promise<Database> {
  const { url, dir } = await startMariadb(scope)
  return {
    url,
    pid: Number(await readFile(join(dir, 'mariadb.pid'), 'utf8')),
    async clear() {
      const connection = await createConnection(url)
      await connection.query(`DROP TABLE IF EXISTS ${TABLES.join(', ')}`)
      await connection.end()
      await (await openHistory(url)).close()
    }
  }
}
