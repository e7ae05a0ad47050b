import { matchesPattern } from '../instruments/key-pattern.ts'
import type { Micros, Quote } from '../quote/quote.ts'
import type { SqlClient, SqlRow, SqlValue } from '../store/sql-client.ts'
import { StoreError } from '../store/store-error.ts'
import { checkQuote } from './check-quote.ts'
import type {
  AppendResult,
  AsOfQuery,
  HistoryCursor,
  HistoryRange,
  HistoryStore,
  KeysPage,
  KeysQuery
} from './history-store.ts'
import { compareRows, fromRow, QUOTES, type SeriesIds, toRow } from './quote-row.ts'
import { SeriesDirectory } from './series-directory.ts'
import { storedId } from './stored-id.ts'

const MAX_LIMIT = 10_000
const MAX_KEYS = 500
/** SQLite takes 500 parts of a union. */
const SERIES_PER_QUERY = 200

/** The columns that `fromRow` reads, of quotes `q`, series `s` and instrument keys `k`. */
const SELECTED = `${QUOTES.columns.map(column => `q.${column}`).join(', ')}, s.kind, s.provider, s.channel, k.instrument_key`

/** The history in SQLite or MySQL; what a resolved `append` means on either is told by the client. */
export class SqlHistory implements HistoryStore {
  readonly #client: SqlClient
  readonly #series: SeriesDirectory

  /** Takes over a client whose tables are migrated; `close` closes it. */
  constructor(client: SqlClient) {
    this.#client = client
    this.#series = new SeriesDirectory(client)
  }

  async append(quotes: readonly Quote[]): Promise<AppendResult> {
    const ids = quotes.map(checkQuote)
    const series = await this.#series.resolve(quotes)
    const rows = quotes.map((quote, index) => toRow(quote, ids[index] as string, series[index] as SeriesIds))
    // One order of rows for all writers: two that write the same batch wait for each other instead of deadlocking.
    rows.sort(compareRows)
    const inserted = rows.length === 0 ? 0 : await this.#client.insertMissing(QUOTES, rows)
    return { inserted, collapsed: quotes.length - inserted }
  }

  async range({ key, from, to, limit, order = 'asc', after }: HistoryRange): Promise<Quote[]> {
    for (const time of [from, to, after?.observedTime ?? 0]) {
      if (!Number.isSafeInteger(time))
        throw new StoreError('out_of_domain', `expected times in microseconds, got ${time}`)
    }
    checkLimit(limit)
    const series = await this.#series.ofInstruments([key])
    const [first] = series
    if (first === undefined) return []
    const byTime = order === 'desc' ? 'observed_time DESC, quote_id DESC' : 'observed_time, quote_id'
    // The index alone gives each series' part and, merged, the ids of the range; only then whole rows are read, by their key. The
    // outer joins find all they look for: they are there to fix that order, which MariaDB would turn round for a short history.
    const pieces = series.flatMap(({ seriesId }) =>
      sections(from, to, order, after && { ...after, id: storedId(key, after.id) }).map(({ sql, values }) => ({
        sql,
        values: [seriesId, ...values, limit]
      }))
    )
    const parts = pieces.map(
      ({ sql }, index) => `SELECT * FROM (
         SELECT observed_time, quote_id FROM quotes WHERE series_id = ? AND ${sql}
         ORDER BY ${byTime} LIMIT ?
       ) part${index}`
    )
    const rows = await this.#client.query(
      `SELECT ${SELECTED}
       FROM (SELECT quote_id FROM (${parts.join(' UNION ALL ')}) merged ORDER BY ${byTime} LIMIT ?) ids
       LEFT JOIN quotes q ON q.instrument_id = ? AND q.quote_id = ids.quote_id
       LEFT JOIN series s ON s.id = q.series_id
       LEFT JOIN instrument_keys k ON k.id = q.instrument_id
       ORDER BY ${byTime.replace(/observed_time|quote_id/g, 'q.$&')}`,
      [...pieces.flatMap(({ values }) => values), limit, first.instrumentId]
    )
    return rows.map(fromRow)
  }

  async newest(since: Micros): Promise<Quote[]> {
    // One look into the index per series, however many rows there are.
    const rows = await this.#client.query(
      `SELECT ${SELECTED}
       FROM (
         SELECT id, instrument_id, kind, provider, channel, (
           SELECT n.quote_id FROM quotes n WHERE n.series_id = series.id AND n.observed_time >= ?
           ORDER BY n.observed_time DESC, n.quote_id DESC LIMIT 1
         ) AS newest_id
         FROM series
       ) s
       JOIN quotes q ON q.instrument_id = s.instrument_id AND q.quote_id = s.newest_id
       JOIN instrument_keys k ON k.id = s.instrument_id`,
      [since]
    )
    return newestOfChannels(rows)
  }

  async asOf({ keys, since, before }: AsOfQuery): Promise<Quote[]> {
    if (keys.length > MAX_KEYS)
      throw new StoreError('out_of_domain', `expected at most ${MAX_KEYS} keys, got ${keys.length}`)
    const series = await this.#series.ofInstruments(keys)
    const rows: SqlRow[] = []
    for (let begin = 0; begin < series.length; begin += SERIES_PER_QUERY) {
      const some = series.slice(begin, begin + SERIES_PER_QUERY)
      // Spelled out per series: as one subquery for all, MariaDB would look at every row behind the moment.
      const parts = some.map(
        (_, index) => `SELECT * FROM (
           SELECT instrument_id, quote_id FROM quotes WHERE series_id = ? AND observed_time >= ? AND observed_time < ?
           ORDER BY observed_time DESC, quote_id DESC LIMIT 1
         ) part${index}`
      )
      const found = await this.#client.query(
        `SELECT ${SELECTED}
         FROM (${parts.join(' UNION ALL ')}) ids
         LEFT JOIN quotes q ON q.instrument_id = ids.instrument_id AND q.quote_id = ids.quote_id
         LEFT JOIN series s ON s.id = q.series_id
         LEFT JOIN instrument_keys k ON k.id = q.instrument_id`,
        some.flatMap(({ seriesId }) => [seriesId, since, before])
      )
      rows.push(...found)
    }
    return newestOfChannels(rows)
  }

  async keys({ patterns, after, limit }: KeysQuery): Promise<KeysPage> {
    checkLimit(limit)
    if (patterns.length === 0) return { keys: [], next: null }
    const rows = await this.#client.query(
      `SELECT instrument_key FROM instrument_keys
       WHERE instrument_key > ? AND (${patterns.map(() => "instrument_key LIKE ? ESCAPE '!'").join(' OR ')})
       ORDER BY instrument_key LIMIT ?`,
      [after ?? '', ...patterns.map(({ text }) => likeText(text)), limit]
    )
    const found = rows.map(row => String(row.instrument_key))
    // LIKE matches more: across colons, and in SQLite without regard to case.
    const keys = found.filter(key => patterns.some(pattern => matchesPattern(pattern, key.split(':'))))
    return { keys, next: found.length < limit ? null : (found.at(-1) ?? null) }
  }

  async count(key?: string): Promise<number> {
    const [row] =
      key === undefined
        ? await this.#client.query('SELECT COUNT(*) AS n FROM quotes')
        : await this.#client.query(
            `SELECT COUNT(*) AS n
             FROM instrument_keys k
             JOIN series s ON s.instrument_id = k.id
             JOIN quotes q ON q.series_id = s.id
             WHERE k.instrument_key = ?`,
            [key]
          )
    return Number(row?.n)
  }

  close(): Promise<void> {
    return this.#client.close()
  }
}

function checkLimit(limit: number): void {
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT)
    throw new StoreError('out_of_domain', `expected a limit of 1 to ${MAX_LIMIT}, got ${limit}`)
}

/**
 * The rows of a series in a range and behind a cursor, as conditions that the index answers without looking at other rows: of the
 * cursor's own time those with a later id, and the times behind it.
 */
function sections(
  from: number,
  to: number,
  order: 'asc' | 'desc',
  after: HistoryCursor | undefined
): { sql: string; values: SqlValue[] }[] {
  const range = { sql: 'observed_time >= ? AND observed_time < ?', values: [from, to] }
  if (after === undefined) return [range]
  const { observedTime: time, id } = after
  const isAscending = order === 'asc'
  const others = { ...range, values: isAscending ? [Math.max(from, time + 1), to] : [from, Math.min(to, time)] }
  if (time < from || time >= to) return [others]
  const sameTime = { sql: `observed_time = ? AND quote_id ${isAscending ? '>' : '<'} ?`, values: [time, id] }
  return [sameTime, others]
}

/** The text of a pattern for LIKE, `!` being the escape. */
function likeText(pattern: string): string {
  return pattern.replace(/[!%_]/g, '!$&').replaceAll('*', '%')
}

/** Two providers may serve one channel of one key: the newer observation is kept. */
function newestOfChannels(rows: readonly SqlRow[]): Quote[] {
  const newest = new Map<string, Quote>()
  for (const row of rows) {
    const quote = fromRow(row)
    const name = `${quote.key} ${quote.src.channel}`
    const held = newest.get(name)
    if (held === undefined || quote.observedTime > held.observedTime) newest.set(name, quote)
  }
  return [...newest.values()]
}
