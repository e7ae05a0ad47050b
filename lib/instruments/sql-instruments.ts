import { parseDecimal } from '../quote/decimal.ts'
import type { QuoteStatus } from '../quote/quote.ts'
import type { SqlClient, SqlRow, SqlTable, SqlValue } from '../store/sql-client.ts'
import { checkInstrument } from './check-instrument.ts'
import type { Instrument, InstrumentStore } from './instrument-store.ts'
import { compareKeys, foldCase, searchText } from './search-text.ts'

const INSTRUMENTS: SqlTable = {
  name: 'instruments',
  columns: [
    'instrument_key',
    'venue_symbol',
    'name',
    'base',
    'currency',
    'tick_size',
    'lot_size',
    'multiplier',
    'calendar',
    'status',
    'search_text'
  ]
}
const KEYS_PER_QUERY = 500

/** The catalogue in SQLite or MySQL. */
export class SqlInstruments implements InstrumentStore {
  readonly #client: SqlClient

  /** Takes over a client whose tables are migrated; `close` closes it. */
  constructor(client: SqlClient) {
    this.#client = client
  }

  async upsert(instruments: readonly Instrument[]): Promise<void> {
    for (const instrument of instruments) checkInstrument(instrument)
    // The last of each key, in one order for all writers, so that two of them do not deadlock.
    const unique = new Map(instruments.map(instrument => [instrument.key, instrument]))
    const ordered = [...unique.values()].sort((a, b) => compareKeys(a.key, b.key))
    await this.#client.replace(INSTRUMENTS, ordered.map(toRow))
  }

  async get(keys: readonly string[]): Promise<Instrument[]> {
    const found: Instrument[] = []
    const unique = [...new Set(keys)].sort(compareKeys)
    for (let begin = 0; begin < unique.length; begin += KEYS_PER_QUERY) {
      const part = unique.slice(begin, begin + KEYS_PER_QUERY)
      const marks = part.map(() => '?').join(', ')
      const sql = `SELECT * FROM instruments WHERE instrument_key IN (${marks}) ORDER BY instrument_key`
      found.push(...(await this.#client.query(sql, part)).map(fromRow))
    }
    return found
  }

  async search(text: string, limit: number): Promise<Instrument[]> {
    const rows = await this.#client.query(
      'SELECT * FROM instruments WHERE INSTR(search_text, ?) > 0 ORDER BY instrument_key LIMIT ?',
      [foldCase(text), limit]
    )
    return rows.map(fromRow)
  }

  close(): Promise<void> {
    return this.#client.close()
  }
}

function toRow(instrument: Instrument): SqlValue[] {
  const { key, venueSymbol, name, base, currency, tickSize, lotSize, multiplier, calendar, status } = instrument
  return [
    key,
    venueSymbol,
    name,
    base,
    currency,
    tickSize,
    lotSize,
    multiplier,
    calendar,
    status,
    searchText(instrument)
  ]
}

function fromRow(row: SqlRow): Instrument {
  return {
    key: String(row.instrument_key),
    venueSymbol: String(row.venue_symbol),
    name: textOf(row.name),
    base: textOf(row.base),
    currency: textOf(row.currency),
    tickSize: decimalOf(row.tick_size),
    lotSize: decimalOf(row.lot_size),
    multiplier: decimalOf(row.multiplier),
    calendar: textOf(row.calendar),
    status: String(row.status) as QuoteStatus
  }
}

function textOf(value: SqlValue | undefined): string | null {
  return value == null ? null : String(value)
}

function decimalOf(value: SqlValue | undefined): string | null {
  return value == null ? null : parseDecimal(String(value))
}
