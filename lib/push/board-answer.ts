import { Entitlement } from '../access/entitlement.ts'
import type { BoardTable } from './board-table.ts'
import { FieldSet } from './field-set.ts'
import { HttpProblem } from './http-problem.ts'
import { jsonObjects } from './json-format.ts'
import type { LatestQuery } from './quote-query.ts'
import { DEFAULT_FIELDS, type RowField } from './row-field.ts'

/**
 * The rows as REST gives them, as JSON text: the same rows as in a snapshot frame. Keys that may not be seen are listed as
 * `forbidden`, whether there is anything of them or not.
 */
export function answerLatest(
  board: BoardTable,
  { keys, fields, limit }: LatestQuery,
  entitlement: Entitlement = Entitlement.all
): string {
  const set = new FieldSet(fields ?? DEFAULT_FIELDS)
  const rows: string[] = []
  const missing: string[] = []
  const forbidden = keys?.filter(key => !entitlement.allows(key)) ?? []
  let isTruncated = false
  for (const key of keys ?? board.entries.keys()) {
    if (!entitlement.allows(key)) continue
    if (rows.length === limit) {
      isTruncated = true
      break
    }
    const row = rowOf(board, key, set)
    if (row !== undefined) rows.push(row)
    else if (keys !== null) missing.push(key)
  }
  const listed = forbidden.length === 0 ? {} : { forbidden }
  const head = JSON.stringify({ epoch: board.epoch, q: board.position, truncated: isTruncated, missing, ...listed })
  return `${head.slice(0, -1)},"data":[${rows.join(',')}]}`
}

/** One row as JSON text. @throws HttpProblem 404 while nothing is known of the key, 403 for one that may not be seen. */
export function answerKey(
  board: BoardTable,
  key: string,
  fields: RowField[] | null,
  entitlement: Entitlement = Entitlement.all
): string {
  checkEntitled(entitlement, key)
  const row = rowOf(board, key, new FieldSet(fields ?? DEFAULT_FIELDS))
  if (row === undefined) throw new HttpProblem(404, `no quote of ${key}`, { facts: { key } })
  return row
}

/** @throws HttpProblem 403, whether there is such an instrument or not. */
export function checkEntitled(entitlement: Entitlement, key: string): void {
  if (!entitlement.allows(key)) throw new HttpProblem(403, 'outside of what you may see', { facts: { key } })
}

/** Past the entry's cache: the field set of a request is used only once. */
function rowOf(board: BoardTable, key: string, fields: FieldSet): string | undefined {
  const entry = board.entries.get(key)
  const text = entry && fields.render(entry.row, entry.status)
  return entry === undefined || text === undefined ? undefined : jsonObjects.snapshotRow(entry, text)
}
