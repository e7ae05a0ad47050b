import type { Entry } from './board-table.ts'
import type { RowField } from './row-field.ts'

/** What a snapshot frame begins with. */
export interface SnapshotHead {
  readonly sid: string
  readonly epoch: string
  readonly q: number
}

/**
 * How the rows of a subscription are written: JSON or MessagePack, as objects or as lists. Every part is a text, so that what is
 * rendered once joins what is not; of MessagePack each character is a byte.
 */
export interface RowFormat {
  /** Tells formats apart in a signature. */
  readonly name: string
  /** What stands before the value of a field. */
  label(field: RowField): string
  /** The value of a field: a canonical decimal, a name or a time. */
  value(value: string | number | null | undefined): string
  /** What stands for a field that no channel of the instrument carries; empty where it is left out. */
  readonly absent: string
  /** `count` fields in one, as the entries of the board keep them. */
  join(fields: string, count: number): string
  /** A row of a `quotes` frame. */
  row(entry: Entry, q: number, p: number, n: number, fields: string): string
  /** A row of a snapshot, at the entry's position. */
  snapshotRow(entry: Entry, fields: string): string
  /** Stands between two rows. */
  readonly separator: string
  /** A `quotes` frame up to its first row. */
  quotes(sid: string, q: number, time: number, rows: number): string
  /** A snapshot frame up to its first row. */
  snapshot(head: SnapshotHead, isFinal: boolean, rows: number): string
  /** The frame of a beginning and its rows. */
  frame(text: string): Buffer
}

/** The columns of a row that is a list. In a snapshot, whose rows follow none, `p` and `n` are 0. */
export function columnsOf(fields: readonly RowField[]): string[] {
  return ['key', 'q', 'p', 'n', ...fields]
}
