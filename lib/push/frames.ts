import { type Entry, renderEntry } from './board-table.ts'
import type { FieldSet } from './field-set.ts'
import type { Row } from './link.ts'
import { encodeTextFrame } from './websocket-frame.ts'

/** A `quotes` frame; `q` is the position up to which it is complete. */
export function encodeQuotes(sid: string, q: number, time: number, rows: readonly Row[]): Buffer {
  let text = `{"type":"quotes","sid":"${sid}","q":${q},"time":${time},"data":[`
  let separator = ''
  for (const row of rows) {
    text += separator + jsonOf(row)
    separator = ','
  }
  return encodeTextFrame(`${text}]}`)
}

/** A row of a `quotes` frame, made once for all groups that send the same. */
function jsonOf({ link, q, p, n, text }: Row): string {
  const rendering = link.entry.rendered.get(link.fields)
  // In mode `all` a row may show an earlier state than that of now.
  if (rendering === undefined || rendering.text !== text) return `${link.entry.prefix}${q},"p":${p},"n":${n},${text}}`
  const { row } = rendering
  if (row !== null && row.q === q && row.p === p && row.n === n) return row.json
  // Cutting makes one piece of it, which costs less each time that it is put into a frame.
  const json = `${link.entry.prefix}${q},"p":${p},"n":${n},${text}},`.slice(0, -1)
  rendering.row = { q, p, n, json }
  return json
}

/** The snapshot of a subscription, in frames of at most `rowsPerFrame` rows; only the last is final. */
export function encodeSnapshot(
  head: { sid: string; epoch: string; q: number },
  entries: Iterable<Entry>,
  fields: FieldSet,
  rowsPerFrame: number
): Buffer[] {
  const pages: string[][] = [[]]
  for (const entry of entries) {
    const text = renderEntry(entry, fields)
    if (text === undefined) continue
    if (pages.at(-1)!.length === rowsPerFrame) pages.push([])
    pages.at(-1)!.push(formatRow(entry, text))
  }
  const start = `{"type":"snapshot","sid":"${head.sid}","epoch":${JSON.stringify(head.epoch)},"q":${head.q}`
  return pages.map((rows, index) =>
    encodeTextFrame(`${start},"final":${index === pages.length - 1},"data":[${rows.join(',')}]}`)
  )
}

/** A row as snapshot and REST show it, as JSON text. */
export function formatRow(entry: Entry, text: string): string {
  return `${entry.prefix}${entry.q},${text}}`
}
