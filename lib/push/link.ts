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
 * One symbol in one signature group: which positions the group's clients have, and what waits for the next tick.
 * Clients of the group hold `sent` or more; an update that touched the group's fields lies at `q`.
 */
export class Link implements Follower {
  readonly entry: Entry
  readonly fields: FieldSet
  readonly mask: TouchMask
  /** The position of the last row sent to the group, or of the last update of its fields when the group was made. */
  sent: number
  /** The position of the last update that touched the group's fields. */
  q: number
  /** Updates since `sent`. */
  n = 0
  readonly #onTouch: (link: Link) => void

  constructor(entry: Entry, fields: FieldSet, onTouch: (link: Link) => void) {
    this.entry = entry
    this.fields = fields
    this.mask = fields.mask
    this.q = lastTouch(entry.touchedAt, this.mask)
    this.sent = this.q
    this.#onTouch = onTouch
  }

  touch(q: number): void {
    this.q = q
    this.n++
    this.#onTouch(this)
  }

  /** Takes what waits as one row, up to now. */
  take(): Row {
    const row: Row = { link: this, q: this.q, p: this.sent, n: this.n, text: this.render() ?? '' }
    this.settle()
    return row
  }

  /** Nothing waits any more: clients have been given everything up to the board's position. */
  settle(): void {
    this.sent = this.q
    this.n = 0
  }

  /** Takes the board's position after a change of epoch. */
  restart(): void {
    this.q = lastTouch(this.entry.touchedAt, this.mask)
    this.settle()
  }

  render(): string | undefined {
    return renderEntry(this.entry, this.fields)
  }
}
