import { type Entry, renderEntry } from './board-table.ts'
import type { FieldSet } from './field-set.ts'
import type { Row } from './link.ts'
import type { RowFormat, SnapshotHead } from './row-format.ts'

/** A `quotes` frame; `q` is the position up to which it is complete. */
export function encodeQuotes(format: RowFormat, sid: string, q: number, time: number, rows: readonly Row[]): Buffer {
  let text = format.quotes(sid, q, time, rows.length)
  let separator = ''
  for (const row of rows) {
    text += separator + written(format, row)
    separator = format.separator
  }
  return format.frame(text)
}

/** A row of a `quotes` frame, written once for all groups that send the same. */
function written(format: RowFormat, { link, q, p, n, text }: Row): string {
  const { entry, fields } = link
  const rendering = entry.rendered.get(fields)
  // In mode `all` a row may show an earlier state than that of now.
  if (rendering === undefined || rendering.text !== text) return format.row(entry, q, p, n, text)
  const { row } = rendering
  if (row?.q === q && row.p === p && row.n === n) return row.written
  // Cutting makes one piece of it, which costs less each time that it is put into a frame.
  const made = `${format.row(entry, q, p, n, text)},`.slice(0, -1)
  rendering.row = { q, p, n, written: made }
  return made
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
