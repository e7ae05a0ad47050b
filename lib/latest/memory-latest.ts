import { type BoardRow, type Candidate, emptyRow, mergeQuote } from '../quote/board.ts'
import { StoreError } from '../store/store-error.ts'
import type { LatestStore } from './latest-store.ts'

/** The latest values in this process; gone with it. */
export class MemoryLatest implements LatestStore {
  readonly #rows = new Map<string, BoardRow>()
  #closed = false

  async merge(candidates: readonly Candidate[]): Promise<void> {
    this.#expectOpen()
    mergeInto(this.#rows, candidates)
  }

  async rows(keys: readonly string[]): Promise<BoardRow[]> {
    this.#expectOpen()
    return [...new Set(keys)].flatMap(key => {
      const row = this.#rows.get(key)
      return row === undefined ? [] : { key, candidates: new Map(row.candidates) }
    })
  }

  async keys(): Promise<string[]> {
    this.#expectOpen()
    return [...this.#rows.keys()]
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  #expectOpen(): void {
    if (this.#closed) throw new StoreError('closed', 'the latest store was closed')
  }
}

/** Merges candidates into rows by key, in place. */
export function mergeInto(rows: Map<string, BoardRow>, candidates: readonly Candidate[]): void {
  for (const candidate of candidates) {
    const { key } = candidate.quote
    let row = rows.get(key)
    if (row === undefined) {
      row = emptyRow(key)
      rows.set(key, row)
    }
    mergeQuote(row, candidate)
  }
}
