import type { Quote } from '../quote/quote.ts'
import type { SqlClient, SqlTable } from '../store/sql-client.ts'
import { StoreError } from '../store/store-error.ts'
import type { SeriesIds } from './quote-row.ts'

const INSTRUMENT_KEYS: SqlTable = { name: 'instrument_keys', columns: ['instrument_key'] }
const SERIES: SqlTable = { name: 'series', columns: ['instrument_id', 'kind', 'provider', 'channel'] }

/** Series remembered at most; beyond it they are asked for anew. */
const MAX_REMEMBERED = 200_000
const KEYS_PER_QUERY = 500

/**
 * Numbers for instruments and series. A series is one instrument on one channel of one provider: what a row would otherwise repeat as
 * text. Numbers are given once and never change, so every writer may remember them.
 */
export class SeriesDirectory {
  readonly #client: SqlClient
  readonly #remembered = new Map<string, SeriesIds>()

  constructor(client: SqlClient) {
    this.#client = client
  }

  /** The numbers of each quote's series, in order; unknown series are added. */
  async resolve(quotes: readonly Quote[]): Promise<SeriesIds[]> {
    const found = new Map<string, SeriesIds>()
    let missing = new Map<string, Quote>()
    for (const quote of quotes) {
      const name = seriesName(quote.key, quote.src)
      const ids = this.#remembered.get(name)
      if (ids === undefined) missing.set(name, quote)
      else found.set(name, ids)
    }
    for (const step of ['load', 'add'] as const) {
      if (missing.size === 0) break
      if (step === 'add') await this.#add([...missing.values()])
      await this.#load(new Set([...missing.values()].map(quote => quote.key)), found)
      missing = new Map([...missing].filter(([name]) => !found.has(name)))
    }
    return quotes.map(quote => {
      const ids = found.get(seriesName(quote.key, quote.src))
      if (ids === undefined) throw new StoreError('failed', `the series of ${quote.key} was added and is not there`)
      return ids
    })
  }

  /** The number of an instrument, or undefined when nothing of it is stored. */
  async instrument(key: string): Promise<number | undefined> {
    return (await this.#instruments([key])).get(key)
  }

  async #load(keys: Iterable<string>, into: Map<string, SeriesIds>): Promise<void> {
    for (const part of parts([...keys])) {
      const rows = await this.#client.query(
        `SELECT s.id, s.instrument_id, s.kind, s.provider, s.channel, k.instrument_key
         FROM instrument_keys k JOIN series s ON s.instrument_id = k.id
         WHERE k.instrument_key IN (${part.map(() => '?').join(', ')})`,
        part
      )
      for (const { id, instrument_id, instrument_key, kind, provider, channel } of rows) {
        const ids = { instrumentId: Number(instrument_id), seriesId: Number(id) }
        const name = seriesName(instrument_key, { kind, provider, channel })
        into.set(name, ids)
        if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear()
        this.#remembered.set(name, ids)
      }
    }
  }

  async #add(examples: readonly Quote[]): Promise<void> {
    const keys = [...new Set(examples.map(quote => quote.key))].sort()
    await this.#client.insertMissing(
      INSTRUMENT_KEYS,
      keys.map(key => [key])
    )
    const numbers = await this.#instruments(keys)
    const rows = examples.map(({ key, src }) => [numbers.get(key) ?? null, src.kind, src.provider, src.channel])
    await this.#client.insertMissing(SERIES, rows)
  }

  async #instruments(keys: readonly string[]): Promise<Map<string, number>> {
    const numbers = new Map<string, number>()
    for (const part of parts(keys)) {
      const marks = part.map(() => '?').join(', ')
      const sql = `SELECT id, instrument_key FROM instrument_keys WHERE instrument_key IN (${marks})`
      for (const row of await this.#client.query(sql, part)) numbers.set(String(row.instrument_key), Number(row.id))
    }
    return numbers
  }
}

interface Naming {
  kind: unknown
  provider: unknown
  channel: unknown
}

/** No part may hold a blank, so the name is unambiguous. */
function seriesName(key: unknown, { kind, provider, channel }: Naming): string {
  return `${key} ${kind} ${provider} ${channel}`
}

function* parts<T>(items: readonly T[]): Generator<T[]> {
  for (let begin = 0; begin < items.length; begin += KEYS_PER_QUERY) yield items.slice(begin, begin + KEYS_PER_QUERY)
}
