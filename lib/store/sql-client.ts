import type { MigrationSet } from './migrations.ts'

export type SqlValue = string | number | null
export type SqlRow = Record<string, SqlValue>

/** A table that rows are written to, its columns in the order of the rows' values. */
export interface SqlTable {
  readonly name: string
  readonly columns: readonly string[]
}

/**
 * The part of a database that the stores use, alike for SQLite and MySQL. Each call is atomic by itself; there are no longer
 * transactions. Every rejection is a `StoreError`; writes are repeated a few times when they lose a deadlock.
 */
export interface SqlClient {
  /** Brings the tables of one component up to date; safe when several processes start at once. */
  migrate(set: MigrationSet): Promise<void>
  /** SQL that both dialects understand, with `?` for each parameter. */
  query(sql: string, parameters?: readonly SqlValue[]): Promise<SqlRow[]>
  /** Inserts rows, leaving those alone whose primary or unique key is stored. @returns the number inserted. */
  insertMissing(table: SqlTable, rows: readonly SqlValue[][]): Promise<number>
  /** Inserts rows in place of those with the same key. */
  replace(table: SqlTable, rows: readonly SqlValue[][]): Promise<void>
  /** Waits for what runs, then closes. Idempotent. */
  close(): Promise<void>
}

/** What a client did beyond its work. */
export interface SqlCounters {
  /** Connections opened over the lifetime. */
  connections: number
  /** Connections that ended by an error. */
  lost: number
  /** Writes repeated after a deadlock or a lock wait. */
  retries: number
  /** Statements given up because the server did not answer. */
  timeouts: number
  /** Times that a MySQL client found `local_infile` off: from then on it writes by INSERT alone, which takes twice the time. */
  loadsRefused: number
}

export function newSqlCounters(): SqlCounters {
  return { connections: 0, lost: 0, retries: 0, timeouts: 0, loadsRefused: 0 }
}
