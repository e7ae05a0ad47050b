import { MAX_BATCH_BYTES } from '../quote/batch.ts'
import type { BoardRow, Candidate } from '../quote/board.ts'
import type { LatestStore } from './latest-store.ts'

/** The most keys of a page. */
export const MAX_PAGE_KEYS = 500

export interface SnapshotRequest {
  /** The `next` of the page before; without it the first page. */
  after?: string
  /** Keys at most, up to {@link MAX_PAGE_KEYS}. */
  limit?: number
}

/** A part of the board, ordered by key. */
export interface SnapshotPage {
  /** All that the store holds of the page's keys; whoever merges them has the same rows. */
  candidates: Candidate[]
  /** Where the next page begins, or null behind the last. */
  next: string | null
}

/**
 * Reads the board page by page, each at most half a message long (one key's row excepted). A key that appears while pages are read
 * may be missed when it sorts before `after`: its quotes come by the stream.
 */
export async function readPage(
  store: LatestStore,
  { after, limit = MAX_PAGE_KEYS }: SnapshotRequest,
  maxBytes: number = MAX_BATCH_BYTES
): Promise<SnapshotPage> {
  const keys = (await store.keys()).filter(key => after === undefined || key > after).sort()
  const wanted = keys.slice(0, limit)
  const rows = new Map((await store.rows(wanted)).map(row => [row.key, row]))
  const candidates: Candidate[] = []
  let bytes = 0
  let last: string | undefined
  for (const key of wanted) {
    const row = rows.get(key)
    const held = row === undefined ? [] : distinct(row)
    const size = Buffer.byteLength(JSON.stringify(held))
    if (bytes + size > maxBytes && candidates.length > 0) break
    candidates.push(...held)
    bytes += size
    last = key
  }
  return { candidates, next: last === undefined || last === keys.at(-1) ? null : last }
}

/** The candidates of a row, each once although it may stand for several groups. */
function distinct(row: BoardRow): Candidate[] {
  const found = new Map<string, Candidate>()
  for (const candidate of row.candidates.values()) {
    const { quote, epoch, q } = candidate
    found.set(`${epoch} ${q} ${quote.id}`, candidate)
  }
  return [...found.values()]
}
