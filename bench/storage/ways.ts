import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createConnection } from 'mysql2/promise'
import { AppendQueue } from '../../lib/history/append-queue.ts'
import { openHistory } from '../../lib/history/open-history.ts'
import { quotesCodec } from '../../lib/quote/quotes-codec.ts'
import { loadText } from '../../lib/store/mysql-load.ts'
import type { Database } from './database.ts'
import { COLUMNS, type Sample } from './sample.ts'

/** Writes the sample, or its beginning, into the empty tables. `begin` is called when only the writing is left. @returns the rows written. */
export type Way = (database: Database, sample: Sample, begin: () => void) => Promise<number>

const run = promisify(execFile)

/** How long rows are inserted one by one. */
const SINGLE_MS = 3_000
/** Batches that the stream delivers before it waits for an acknowledgement. */
const WINDOW = 256
const PACKET_BYTES = 1024 * 1024

/** What one would write first: a row, a statement, a commit. */
export async function insertOneByOne({ url }: Database, sample: Sample, begin: () => void): Promise<number> {
  const rows = sample.rows()
  const connection = await createConnection(url)
  const sql = `INSERT INTO quotes (${COLUMNS}) VALUES (${rows[0]?.map(() => '?').join(', ')})`
  begin()
  const end = performance.now() + SINGLE_MS
  let written = 0
  for (; written < rows.length && performance.now() < end; written++) await connection.execute(sql, rows[written])
  await connection.end()
  return written
}

/** As fast as the server takes rows at all: one statement, from a file, by its own client, without checks. */
export async function loadFile({ url }: Database, sample: Sample, begin: () => void): Promise<number> {
  const { hostname, port, username, password, pathname } = new URL(url)
  const dir = await mkdtemp(join(tmpdir(), 'quotecast-bench-'))
  try {
    const file = join(dir, 'rows.txt')
    await writeFile(file, Buffer.concat(loadText(sample.rows(), PACKET_BYTES)))
    const server = [`--host=${hostname}`, `--port=${port}`, `--user=${username}`, `--database=${pathname.slice(1)}`]
    const sql = `LOAD DATA LOCAL INFILE '${file}' INTO TABLE quotes CHARACTER SET utf8mb4 (${COLUMNS})`
    begin()
    await run('mariadb', ['--no-defaults', ...server, '--local-infile=1', `--execute=${sql}`], {
      env: { ...process.env, MYSQL_PWD: decodeURIComponent(password) }
    })
  } finally {
    await rm(dir, { recursive: true })
  }
  return sample.count
}

/** The storage service's way, from the stream's payload to the acknowledgement. */
export async function appendBatches({ url }: Database, sample: Sample, begin: () => void): Promise<number> {
  const history = await openHistory(url)
  const queue = new AppendQueue(history)
  begin()
  let next = 0
  const deliver = async () => {
    for (let payload = sample.payloads[next++]; payload !== undefined; payload = sample.payloads[next++]) {
      await queue.append(quotesCodec.decode(payload).quotes)
    }
  }
  await Promise.all(Array.from({ length: WINDOW }, deliver))
  await queue.close()
  await history.close()
  return queue.counters.inserted
}
