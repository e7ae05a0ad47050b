import { checkRow } from './check-row.ts'
import { QuoteClientError } from './client-error.ts'
import type { Snapshot } from './messages.ts'
import type { Row } from './row.ts'

/** A row that does not follow the one before it. */
export interface Gap {
  key: string
  /** The position that was held. */
  have: number
  /** The position that the row follows. */
  p: number
  q: number
}

/** The rows of a subscription, kept by the rule of `q` and `p`; at most `maxRows`. */
export class Board {
  readonly rows = new Map<string, Row>()
  readonly #maxRows: number
  #epoch: string | null = null
  #q = 0
  /** Of a snapshot that is not complete yet. */
  readonly #pages = new Map<string, Row>()
  /** Whether an instrument without a row had no value: so says a snapshot, by leaving it out. */
  #isWhole = false
  /** Whether updates are missing that a snapshot brings. */
  #hasGap = false

  constructor(maxRows: number) {
    this.#maxRows = maxRows
  }

  /** Whether rows follow a snapshot or a position. */
  get hasBegun(): boolean {
    return this.#epoch !== null
  }

  /** Up to where nothing is missing; null while that is not known. */
  get position(): { epoch: string; q: number } | null {
    return this.#epoch === null || this.#hasGap ? null : { epoch: this.#epoch, q: this.#q }
  }

  /** Begins without a snapshot, from a position; one that is there stays. */
  begin(epoch: string, q: number): void {
    if (this.#epoch !== null) return
    this.#epoch = epoch
    this.#q = q
  }

  /** Forgets the pages of a snapshot that will not be completed. */
  interrupt(): void {
    this.#pages.clear()
  }

  /** @returns with the last page, the rows that are not as they were and whether updates were jumped over; else null. */
  takePage({ epoch, q, final, data }: Snapshot): { changed: Row[]; missed: boolean } | null {
    for (const row of data) this.#pages.set(row.key, row)
    this.#checkSize(this.#pages.size)
    this.#hasGap = !final
    if (!final) return null
    const isOther = epoch !== this.#epoch
    const before = new Map(isOther ? [] : this.rows)
    // A gateway that is behind the one before may show what was: what is newer than its snapshot stays.
    for (const [key, held] of before) if (held.q > (this.#pages.get(key)?.q ?? q)) this.#pages.set(key, held)
    const changed = [...this.#pages.values()].filter(row => checkRow(before.get(row.key)?.q, row) !== 'duplicate')
    const missed = this.hasBegun && (isOther || changed.length > 0)
    this.rows.clear()
    for (const [key, row] of this.#pages) this.rows.set(key, row)
    this.#pages.clear()
    this.#epoch = epoch
    this.#q = q
    this.#isWhole = true
    return { changed, missed }
  }

  /** @returns the rows that are news, where something is missing, and whether the board was complete until then. */
  takeRows(rows: readonly Row[]): { fresh: Row[]; gaps: Gap[]; breaks: boolean } {
    const fresh: Row[] = []
    const gaps: Gap[] = []
    for (const row of rows) {
      const have = this.rows.get(row.key)?.q ?? (this.#isWhole ? 0 : undefined)
      const check = checkRow(have, row)
      if (check === 'duplicate') continue
      if (check === 'lost') gaps.push({ key: row.key, have: have ?? 0, p: row.p ?? 0, q: row.q })
      this.rows.set(row.key, row)
      fresh.push(row)
    }
    this.#checkSize(this.rows.size)
    const breaks = gaps.length > 0 && !this.#hasGap
    this.#hasGap ||= breaks
    return { fresh, gaps, breaks }
  }

  /** Everything up to `q` was seen, or superseded by what was. */
  advance(q: number): void {
    if (q > this.#q) this.#q = q
  }

  #checkSize(size: number): void {
    if (size > this.#maxRows)
      throw new QuoteClientError('board_full', `expected at most ${this.#maxRows} rows, got ${size}`)
  }
}
