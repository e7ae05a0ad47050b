import { cpuMicros } from './kit/cpu-time.ts'
import { withScope } from './kit/scope.ts'
import { median } from './kit/statistics.ts'
import { type Database, startDatabase } from './storage/database.ts'
import { makeSample, type Sample } from './storage/sample.ts'
import { appendBatches, insertOneByOne, loadFile, type Way } from './storage/ways.ts'

/**
 * How fast do quotes get into the history on MariaDB, and what does that cost, in the writing process and in the server? Each
 * measurement begins with empty tables; the ways of writing take turns.
 */
const ROUNDS = 3
const QUOTES = 200_000

interface Told {
  rowsPerSecond: number
  /** Processor time per row, in microseconds. */
  client: number
  server: number
}

export async function run(): Promise<void> {
  await withScope(async scope => {
    const database = await startDatabase(scope)
    const full = makeSample(QUOTES, 'full')
    const trade = makeSample(QUOTES, 'trade')
    const ways: [name: string, way: Way, sample: Sample][] = [
      ['one INSERT and commit per quote', insertOneByOne, full],
      ['LOAD DATA by the mariadb client', loadFile, full],
      ['quotecast', appendBatches, full],
      ['quotecast, trades only', appendBatches, trade]
    ]
    const results = new Map<string, Told[]>(ways.map(([name]) => [name, []]))
    for (let round = 0; round < ROUNDS; round++) {
      for (const [name, way, sample] of ways) results.get(name)?.push(await measure(database, way, sample))
    }
    print(results)
    judge(results.get('quotecast') ?? [])
  })
}

async function measure(database: Database, way: Way, sample: Sample): Promise<Told> {
  await database.clear()
  const now = () => ({ ms: performance.now(), client: cpuMicros('self'), server: cpuMicros(database.pid) })
  let before = now()
  const rows = await way(database, sample, () => {
    before = now()
  })
  const after = now()
  return {
    rowsPerSecond: (rows / (after.ms - before.ms)) * 1_000,
    client: (after.client - before.client) / rows,
    server: (after.server - before.server) / rows
  }
}

function print(results: ReadonlyMap<string, Told[]>): void {
  console.log(`Full 20-field quotes into MariaDB, a commit on disk; medians of ${ROUNDS} rounds of ${QUOTES} quotes.`)
  console.log('quotecast: batches of 100 from their payload in the stream, decoding included.\n')
  console.table(
    Object.fromEntries(
      [...results].map(([name, told]) => {
        const rates = told.map(({ rowsPerSecond }) => Math.round(rowsPerSecond))
        return [
          name,
          {
            'rows/s': Math.round(median(rates)),
            spread: `[${Math.min(...rates)}..${Math.max(...rates)}]`,
            'client µs/row': median(told.map(({ client }) => client)).toFixed(1),
            'server µs/row': median(told.map(({ server }) => server)).toFixed(1)
          }
        ]
      })
    )
  )
}

function judge(told: readonly Told[]): void {
  const rowsPerSecond = Math.round(median(told.map(one => one.rowsPerSecond)))
  const cpuMicrosPerRow = Number(median(told.map(({ client, server }) => client + server)).toFixed(1))
  report(rowsPerSecond >= 60_000, `${rowsPerSecond} full quotes/s (at least 60,000)`)
  report(cpuMicrosPerRow <= 18, `${cpuMicrosPerRow} µs of processor time per full quote (at most 18)`)
  console.log(JSON.stringify({ bench: 'storage', rowsPerSecond, cpuMicrosPerRow }))
}

function report(met: boolean, text: string): void {
  console.log(`${met ? 'met   ' : 'MISSED'} ${text}`)
}
