import { type Entry, renderEntry } from './board-table.ts'
import type { FieldSet } from './field-set.ts'
import type { Row } from './link.ts'
import type { RowFormat, SnapshotHead } from './row-format.ts'

/** A `quotes` frame; `q` is the position up to which it is complete. */
export function encodeQuotes(format: RowFormat, sid: string, q: number, time: number, rows: readonly Row[]): Buffer {
  let text = format.quotes(sid, q, time, rows.length)
  let separator = ''
  for (const row of rows) {
    text += separator + format.row(row.link.entry, row.q, row.p, row.n, row.text)
    separator = format.separator
  }
  return format.frame(text)
}

/** The snapshot of a subscription, in frames of at most `rowsPerFrame` rows; only the last is final. */
export function encodeSnapshot(
  head: SnapshotHead,
  entries: Iterable<Entry>,
  fields: FieldSet,
  rowsPerFrame: number
): Buffer[] {
  const { format } = fields
  const pages: string[][] = [[]]
  for (const entry of entries) {
    const text = renderEntry(entry, fields)
    if (text === undefined) continue
    if (pages.at(-1)!.length === rowsPerFrame) pages.push([])
    pages.at(-1)!.push(format.snapshotRow(entry, text))
  }
  return pages.map((rows, index) =>
    format.frame(format.snapshot(head, index === pages.length - 1, rows.length) + rows.join(format.separator))
  )
}
