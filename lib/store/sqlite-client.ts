import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import {
  CREATE_MIGRATIONS,
  type MigrationSet,
  pendingMigrations,
  RECORD_MIGRATION,
  SELECT_VERSION
} from './migrations.ts'
import {
  newSqlCounters,
  type SqlClient,
  type SqlCounters,
  type SqlRow,
  type SqlTable,
  type SqlValue
} from './sql-client.ts'
import { sqliteError } from './sqlite-errors.ts'
import { StoreError } from './store-error.ts'

/** How long a call waits, blocking the process, for another process's lock. */
const BUSY_MS = 1_000

/**
 * SQLite in this process. A commit is in the operating system's hands before a write resolves: it survives the death of the
 * process. It is synced to the disk at checkpoints only (`synchronous = NORMAL`), so a power cut may take the last commits, never
 * the file. Every call blocks the event loop while it runs, and none is interleaved with another.
 */
export class SqliteClient implements SqlClient {
  readonly #database: DatabaseSync

  /** Opens or creates a file with its folder; `:memory:` keeps nothing. @throws StoreError */
  constructor(file: string, counters: SqlCounters = newSqlCounters()) {
    this.#database = attempt(() => {
      if (file !== ':memory:') mkdirSync(dirname(file), { recursive: true })
      const database = new DatabaseSync(file, { timeout: BUSY_MS })
      database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY')
      return database
    })
    counters.connections++
  }

  async migrate(set: MigrationSet): Promise<void> {
    this.#write(() => {
      this.#database.exec(CREATE_MIGRATIONS)
      const version = this.#database.prepare(SELECT_VERSION).get(set.component)?.version
      for (const migration of pendingMigrations(set, Number(version))) {
        for (const statement of migration.sqlite) this.#database.exec(statement)
        this.#database.prepare(RECORD_MIGRATION).run(set.component, migration.version, migration.name)
      }
    })
  }

  async query(sql: string, parameters: readonly SqlValue[] = []): Promise<SqlRow[]> {
    return this.#run(() => this.#database.prepare(sql).all(...parameters) as SqlRow[])
  }

  async insertMissing(table: SqlTable, rows: readonly SqlValue[][]): Promise<number> {
    return this.#each(`${insertInto(table)} ON CONFLICT DO NOTHING`, rows)
  }

  async replace(table: SqlTable, rows: readonly SqlValue[][]): Promise<void> {
    this.#each(insertInto(table, 'REPLACE'), rows)
  }

  async close(): Promise<void> {
    if (this.#database.isOpen) this.#run(() => this.#database.close())
  }

  #each(sql: string, rows: readonly SqlValue[][]): number {
    if (rows.length === 0) return 0
    return this.#write(() => {
      const statement = this.#database.prepare(sql)
      let changes = 0
      for (const row of rows) changes += Number(statement.run(...row).changes)
      return changes
    })
  }

  #write<T>(work: () => T): T {
    return this.#run(() => {
      this.#database.exec('BEGIN IMMEDIATE')
      try {
        const result = work()
        this.#database.exec('COMMIT')
        return result
      } catch (error) {
        // A full disk ends the transaction by itself.
        if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
        throw error
      }
    })
  }

  #run<T>(work: () => T): T {
    if (!this.#database.isOpen) throw new StoreError('closed', 'the database was closed')
    return attempt(work)
  }
}

function insertInto({ name, columns }: SqlTable, verb = 'INSERT'): string {
  return `${verb} INTO ${name} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`
}

function attempt<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw sqliteError(error)
  }
}
