import { StoreError } from '../store/store-error.ts'
import { checkInstrument } from './check-instrument.ts'
import type { Instrument, InstrumentStore } from './instrument-store.ts'
import { compareKeys, foldCase, searchText } from './search-text.ts'

/** A catalogue that lives as long as its process. Bounded by the instruments that exist. */
export class MemoryInstruments implements InstrumentStore {
  readonly #instruments = new Map<string, Instrument>()
  #closed = false

  async upsert(instruments: readonly Instrument[]): Promise<void> {
    this.#expectOpen()
    for (const instrument of instruments) checkInstrument(instrument)
    for (const instrument of instruments) this.#instruments.set(instrument.key, { ...instrument })
  }

  async get(keys: readonly string[]): Promise<Instrument[]> {
    this.#expectOpen()
    const found = [...new Set(keys)].flatMap(key => this.#instruments.get(key) ?? [])
    return byKey(found)
  }

  async search(text: string, limit: number): Promise<Instrument[]> {
    this.#expectOpen()
    const folded = foldCase(text)
    const found = [...this.#instruments.values()].filter(instrument => searchText(instrument).includes(folded))
    return byKey(found).slice(0, limit)
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  #expectOpen(): void {
    if (this.#closed) throw new StoreError('closed', 'the catalogue was closed')
  }
}

function byKey(instruments: readonly Instrument[]): Instrument[] {
  return instruments.map(instrument => ({ ...instrument })).sort((a, b) => compareKeys(a.key, b.key))
}
