import type { Quote } from '../quote/quote.ts'
import type { SqlClient, SqlTable } from '../store/sql-client.ts'
import { StoreError } from '../store/store-error.ts'
import { checkSeries } from './check-quote.ts'
import type { SeriesIds } from './quote-row.ts'

const INSTRUMENT_KEYS: SqlTable = { name: 'instrument_keys', columns: ['instrument_key'] }
const SERIES: SqlTable = { name: 'series', columns: ['instrument_id', 'kind', 'provider', 'channel'] }

/** Instruments remembered at most; beyond it all are forgotten and asked for anew. */
const MAX_REMEMBERED = 100_000
const KEYS_PER_QUERY = 500

interface Series extends SeriesIds {
  kind: unknown
  provider: unknown
  channel: unknown
}

/** By instrument key. An instrument has few series: they are found by looking at each, which makes no name to look up. */
type SeriesByKey = Map<string, Series[]>

/**
 * Numbers for instruments and series. A series is one instrument on one channel of one provider: what a row would otherwise repeat as
 * text. Numbers are given once and never change, so every writer may remember them.
 */
export class SeriesDirectory {
  readonly #client: SqlClient
  readonly #remembered: SeriesByKey = new Map()

  constructor(client: SqlClient) {
    this.#client = client
  }

  /** The numbers of each quote's series, in order; unknown series are checked and added. */
  async resolve(quotes: readonly Quote[]): Promise<SeriesIds[]> {
    const ids = quotes.map(quote => find(this.#remembered, quote))
    let missing = quotes.filter((_, index) => ids[index] === undefined)
    for (const quote of missing) checkSeries(quote)
    const found: SeriesByKey = new Map()
    for (const step of ['load', 'add'] as const) {
      if (missing.length === 0) break
      if (step === 'add') await this.#add(missing)
      await this.#load(new Set(missing.map(quote => quote.key)), found)
      missing = missing.filter(quote => find(found, quote) === undefined)
    }
    return quotes.map((quote, index) => {
      const one = ids[index] ?? find(found, quote)
      if (one === undefined) throw new StoreError('failed', `the series of ${quote.key} was added and is not there`)
      return one
    })
  }

  /** The numbers of all series of some instruments; none of one of which nothing is stored. */
  async ofInstruments(keys: readonly string[]): Promise<SeriesIds[]> {
    const found: SeriesByKey = new Map()
    await this.#load(keys, found)
    return [...found.values()].flat()
  }

  async #load(keys: Iterable<string>, into: SeriesByKey): Promise<void> {
    for (const part of parts([...keys])) {
      const rows = await this.#client.query(
        `SELECT s.id, s.instrument_id, s.kind, s.provider, s.channel, k.instrument_key
         FROM instrument_keys k JOIN series s ON s.instrument_id = k.id
         WHERE k.instrument_key IN (${part.map(() => '?').join(', ')})`,
        part
      )
      const loaded: SeriesByKey = new Map()
      for (const { id, instrument_id, instrument_key, kind, provider, channel } of rows) {
        const key = String(instrument_key)
        const series = { instrumentId: Number(instrument_id), seriesId: Number(id), kind, provider, channel }
        const others = loaded.get(key)
        if (others === undefined) loaded.set(key, [series])
        else others.push(series)
      }
      if (this.#remembered.size + loaded.size > MAX_REMEMBERED) this.#remembered.clear()
      for (const [key, series] of loaded) {
        into.set(key, series)
        this.#remembered.set(key, series)
      }
    }
  }

  async #add(quotes: readonly Quote[]): Promise<void> {
    const keys = [...new Set(quotes.map(quote => quote.key))].sort()
    await this.#client.insertMissing(
      INSTRUMENT_KEYS,
      keys.map(key => [key])
    )
    const numbers = await this.#instruments(keys)
    // No part may hold a blank, so the name is unambiguous.
    const examples = new Map(
      quotes.map(quote => [`${quote.key} ${quote.src.kind} ${quote.src.provider} ${quote.src.channel}`, quote])
    )
    const rows = [...examples.values()].map(({ key, src: { kind, provider, channel } }) => [
      numbers.get(key) ?? null,
      kind,
      provider,
      channel
    ])
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

function find(series: SeriesByKey, { key, src }: Quote): Series | undefined {
  return series
    .get(key)
    ?.find(one => one.channel === src.channel && one.provider === src.provider && one.kind === src.kind)
}

function* parts<T>(items: readonly T[]): Generator<T[]> {
  for (let begin = 0; begin < items.length; begin += KEYS_PER_QUERY) yield items.slice(begin, begin + KEYS_PER_QUERY)
}
