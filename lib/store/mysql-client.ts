import { setTimeout as delay } from 'node:timers/promises'
import { createPool, type Pool, type PoolConnection, type ResultSetHeader, type RowDataPacket } from 'mysql2/promise'
import {
  CREATE_MIGRATIONS,
  type MigrationSet,
  pendingMigrations,
  RECORD_MIGRATION,
  SELECT_VERSION
} from './migrations.ts'
import { isLoadRefused, isLockConflict, mysqlError } from './mysql-errors.ts'
import { loadMissing, loadText } from './mysql-load.ts'
import { insertStatements } from './mysql-statements.ts'
import { inTransaction } from './mysql-transaction.ts'
import {
  newSqlCounters,
  type SqlClient,
  type SqlCounters,
  type SqlRow,
  type SqlTable,
  type SqlValue
} from './sql-client.ts'
import { StoreError } from './store-error.ts'

const CONNECTIONS = 4
/** Calls that may run or wait for a connection; the next is refused. */
const MAX_CALLS = 256
const CONNECT_MS = 5_000
/** A call that is not answered by then is given up; below the stream's time for an acknowledgement. */
const CALL_MS = 15_000
const LOCK_WAIT_S = 2
const MIGRATION_LOCK_S = 60
/** A new index of a long history takes its time. */
const MIGRATION_MS = 3_600_000
/** Attempts of a write that loses its locks, with a jittered pause that doubles from the first. */
const ATTEMPTS = 6
const FIRST_PAUSE_MS = 10
/** A statement is at most this long, whatever the server takes. */
const MAX_STATEMENT_BYTES = 1024 * 1024
/** From so many rows on, LOAD DATA with its three more round trips is cheaper than INSERT. */
const LOAD_ROWS = 256

/**
 * MySQL 8.4 or MariaDB 10.11 and newer, through a small pool that reconnects by itself.
 *
 * A resolved write is committed as durably as the server is told to (`innodb_flush_log_at_trx_commit = 1`, its default, means on
 * disk). Sessions are strict and READ COMMITTED whatever the server's defaults are.
 */
export class MysqlClient implements SqlClient {
  readonly #pool: Pool
  readonly #counters: SqlCounters
  readonly #configured = new WeakSet<object>()
  readonly #running = new Set<Promise<unknown>>()
  readonly #callMs: number
  #packetBytes = 2 * MAX_STATEMENT_BYTES
  #loads = false
  #closed: Promise<void> | undefined

  private constructor(url: string, counters: SqlCounters, callMs: number) {
    this.#counters = counters
    this.#callMs = callMs
    this.#pool = createPool({
      uri: url,
      connectionLimit: CONNECTIONS,
      connectTimeout: CONNECT_MS,
      charset: 'utf8mb4_bin',
      supportBigNumbers: true,
      // Rows that changed, not rows that matched: a row that was stored already counts 0.
      flags: ['-FOUND_ROWS']
    })
    this.#pool.on('connection', connection => {
      counters.connections++
      // A call that runs gets the error too; a connection that was idle has nobody else to tell.
      connection.on('error', () => counters.lost++)
    })
  }

  /** Connects. @throws StoreError `connection_lost` or `denied` when the server cannot be used now. */
  static async open(url: string, counters = newSqlCounters(), callMs = CALL_MS): Promise<MysqlClient> {
    const client = new MysqlClient(url, counters, callMs)
    try {
      const [row] = await client.query(
        'SELECT @@max_allowed_packet AS bytes, @@local_infile AS loads, DATABASE() AS name'
      )
      if (row?.name == null) throw new StoreError('bad_url', 'expected a database name in the mysql URL, got none')
      client.#packetBytes = Number(row.bytes)
      client.#loads = row.loads === 1
      if (!client.#loads) counters.loadsRefused++
      return client
    } catch (error) {
      await client.close()
      throw error
    }
  }

  async migrate(set: MigrationSet): Promise<void> {
    await this.#use(async connection => {
      const lock = "CONCAT('quotecast.migrate.', MD5(DATABASE()))"
      const [[locked]] = await connection.query<RowDataPacket[]>(
        `SELECT GET_LOCK(${lock}, ${MIGRATION_LOCK_S}) AS granted`
      )
      if (locked?.granted !== 1)
        throw new StoreError('busy', 'another process has been migrating the tables for a minute')
      try {
        await connection.query(CREATE_MIGRATIONS)
        const [[row]] = await connection.query<RowDataPacket[]>(SELECT_VERSION, [set.component])
        for (const migration of pendingMigrations(set, Number(row?.version))) {
          // A definition commits by itself: one that was interrupted is run again, and must stand it.
          for (const statement of migration.mysql) await connection.query(statement)
          await connection.query(RECORD_MIGRATION, [set.component, migration.version, migration.name])
        }
      } finally {
        await connection.query(`DO RELEASE_LOCK(${lock})`)
      }
    }, MIGRATION_MS)
  }

  query(sql: string, parameters: readonly SqlValue[] = []): Promise<SqlRow[]> {
    return this.#use(async connection => {
      const [rows] = await connection.query<RowDataPacket[]>(sql, [...parameters])
      return rows as SqlRow[]
    })
  }

  async insertMissing(table: SqlTable, rows: readonly SqlValue[][]): Promise<number> {
    const loaded = this.#loads && rows.length >= LOAD_ROWS ? await this.#load(table, rows) : undefined
    if (loaded !== undefined) return loaded
    const [column] = table.columns
    return this.#write('INSERT', table, rows, ` ON DUPLICATE KEY UPDATE ${column} = ${table.name}.${column}`)
  }

  async replace(table: SqlTable, rows: readonly SqlValue[][]): Promise<void> {
    await this.#write('REPLACE', table, rows, '')
  }

  close(): Promise<void> {
    this.#closed ??= (async () => {
      await Promise.allSettled(this.#running)
      await this.#pool.end()
    })()
    return this.#closed
  }

  async #load(table: SqlTable, rows: readonly SqlValue[][]): Promise<number | undefined> {
    const text = loadText(rows, this.#packetBytes)
    try {
      return await this.#repeat(connection => loadMissing(connection, table, rows.length, text))
    } catch (error) {
      if (!(error instanceof StoreError) || !isLoadRefused(error.cause)) throw error
      // Switched off while this runs.
      this.#loads = false
      this.#counters.loadsRefused++
      return undefined
    }
  }

  async #write(verb: string, table: SqlTable, rows: readonly SqlValue[][], suffix: string): Promise<number> {
    const bytes = Math.min(MAX_STATEMENT_BYTES, Math.floor(this.#packetBytes / 2))
    const statements = insertStatements(verb, table, rows, suffix, bytes)
    return statements.length === 0 ? 0 : this.#repeat(connection => runAtomically(connection, statements))
  }

  /** Does a write again that has lost its locks. */
  async #repeat<T>(write: (connection: PoolConnection) => Promise<T>): Promise<T> {
    for (let attempt = 1, pauseMs = FIRST_PAUSE_MS; ; attempt++, pauseMs *= 2) {
      try {
        return await this.#use(write)
      } catch (error) {
        if (attempt === ATTEMPTS || !(error instanceof StoreError) || !isLockConflict(error.cause)) throw error
        this.#counters.retries++
        await delay(pauseMs * (0.5 + Math.random()))
      }
    }
  }

  #use<T>(work: (connection: PoolConnection) => Promise<T>, callMs = this.#callMs): Promise<T> {
    if (this.#closed !== undefined) return Promise.reject(new StoreError('closed', 'the database was closed'))
    if (this.#running.size >= MAX_CALLS) {
      return Promise.reject(new StoreError('busy', `${MAX_CALLS} calls are waiting for the database`))
    }
    const running = this.#withConnection(work, callMs)
    this.#running.add(running)
    const forget = () => this.#running.delete(running)
    running.then(forget, forget)
    return running
  }

  async #withConnection<T>(work: (connection: PoolConnection) => Promise<T>, callMs: number): Promise<T> {
    let connection: PoolConnection | undefined
    let timer: NodeJS.Timeout | undefined
    try {
      const given = await this.#pool.getConnection()
      connection = given
      const late = new Promise<never>((_resolve, reject) => {
        timer = setTimeout(() => {
          this.#counters.timeouts++
          reject(new StoreError('connection_lost', `the database did not answer in ${callMs} ms`))
        }, callMs)
      })
      const result = await Promise.race([this.#configure(given).then(() => work(given)), late])
      given.release()
      return result
    } catch (error) {
      // Only a connection that has surely nothing left to say or to roll back is used again.
      if (isLockConflict(error)) connection?.release()
      else connection?.destroy()
      throw mysqlError(error)
    } finally {
      clearTimeout(timer)
    }
  }

  async #configure(connection: PoolConnection): Promise<void> {
    if (this.#configured.has(connection.connection)) return
    const session = `sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', innodb_lock_wait_timeout = ${LOCK_WAIT_S}`
    await connection.query(`SET SESSION ${session}`)
    await connection.query('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED')
    this.#configured.add(connection.connection)
  }
}

/** Runs writes in one transaction. @returns the number of rows that they changed. */
async function runAtomically(connection: PoolConnection, statements: readonly string[]): Promise<number> {
  let affected = 0
  const run = async (sql: string) => {
    const [result] = await connection.query<ResultSetHeader>(sql)
    affected += result.affectedRows
  }
  const [only] = statements
  if (statements.length === 1 && only !== undefined) {
    await run(only)
    return affected
  }
  await inTransaction(connection, async () => {
    for (const sql of statements) await run(sql)
  })
  return affected
}
