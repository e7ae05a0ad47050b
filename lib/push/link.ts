import { type Entry, type Follower, renderEntry } from './board-table.ts'
import { type FieldSet, lastTouch, type TouchMask } from './field-set.ts'

/** One row of a frame: the link's symbol from position `p` to `q`, `n` updates merged. */
export interface Row {
  readonly link: Link
  readonly q: number
  readonly p: number
  readonly n: number
  /** The fields, see {@link FieldSet.render}. */
  readonly text: string
}

/**
 * One symbol in one signature group: what the group's clients have of it, which is `sent` or more. What waits for the next tick
 * follows from what its entry has counted since.
 */
export class Link implements Follower {
  readonly entry: Entry
  readonly fields: FieldSet
  /** The position of the last row sent to the group, or of the last update of its fields when the group was made. */
  sent: number
  /** What the entry had counted then. */
  #counted: number
  readonly #onTouch: (link: Link) => void

  constructor(entry: Entry, fields: FieldSet, onTouch: (link: Link) => void) {
    this.entry = entry
    this.fields = fields
    this.sent = this.q
    this.#counted = entry.touches[fields.mask] ?? 0
    this.#onTouch = onTouch
  }

  /** Only the updates that meet it matter to the group. */
  get mask(): TouchMask {
    return this.fields.mask
  }

  /** The position of the last of them. */
  get q(): number {
    return lastTouch(this.entry.touchedAt, this.fields.mask)
  }

  /** How many of them came since `sent`. */
  get n(): number {
    return (this.entry.touches[this.fields.mask] ?? 0) - this.#counted
  }

  touch(): void {
    this.#onTouch(this)
  }

  /** Takes what waits as one row, up to now. */
  take(): Row {
    const row: Row = { link: this, q: this.q, p: this.sent, n: this.n, text: this.render() ?? '' }
    this.sent = row.q
    this.#counted += row.n
    return row
  }

  /** Nothing waits any more: clients are given everything up to the position of the board, whose epoch may be a new one. */
  settle(): void {
    this.sent = this.q
    this.#counted += this.n
  }

  render(): string | undefined {
    return renderEntry(this.entry, this.fields)
  }
}
