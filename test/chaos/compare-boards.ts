import type { LatestStore } from '../../lib/latest/latest-store.ts'
import { type BoardView, viewRow } from '../../lib/quote/board.ts'
import { VALUE_FIELDS } from '../../lib/quote/quote.ts'
import { waitUntil } from '../kit/wait-until.ts'

/** What a client shows now. */
export interface ShownBoard {
  /** For messages. */
  name: string
  /** By key; undefined while it is not connected. */
  rows(): ReadonlyMap<string, object> | undefined | Promise<ReadonlyMap<string, object> | undefined>
}

/** What the latest store shows of these instruments, without those of which it has no value. */
export async function viewsOf(latest: LatestStore, keys: readonly string[]): Promise<Map<string, BoardView>> {
  const views = (await latest.rows(keys)).map(viewRow).filter(view => view !== undefined)
  return new Map(views.map(view => [view.key, view]))
}

/** Compares value for value. @returns what differs, by instrument, also where one has an instrument that the other lacks. */
export async function compareBoards(
  views: ReadonlyMap<string, BoardView>,
  boards: readonly ShownBoard[]
): Promise<string[]> {
  const found: string[] = []
  for (const { name, rows } of boards) {
    const shown = (await rows()) ?? new Map<string, object>()
    for (const key of new Set([...views.keys(), ...shown.keys()])) {
      const [expected, actual] = [valuesOf(views.get(key)), valuesOf(shown.get(key))]
      if (expected !== actual) found.push(`${key}: latest ${expected}, ${name} ${actual}`)
    }
  }
  return found
}

/**
 * Compares boards while quotes flow: whoever shows the same row shows the same values, whichever gateway it came from. For instruments
 * of one channel in one epoch. @returns how many rows another board showed too, and what differs.
 */
export function compareRunning(boards: readonly { name: string; rows: readonly { key: string; q: number }[] }[]): {
  compared: number
  differences: string[]
} {
  const first = new Map<string, string | undefined>()
  const differences: string[] = []
  let compared = 0
  for (const { name, rows } of boards) {
    for (const row of rows) {
      const place = `${row.key} at ${row.q}`
      const values = valuesOf(row)
      if (!first.has(place)) first.set(place, values)
      else if (first.get(place) === values) compared++
      else differences.push(`${place}: ${first.get(place)}, ${name} ${values}`)
    }
  }
  return { compared, differences }
}

/** Looks again while something differs: the last frames may be on their way. @returns what differed when it gave up. */
export async function untilEqual(look: () => Promise<string[]>): Promise<string[]> {
  let differences = ['never compared']
  const isEqual = async () => {
    differences = await look()
    return differences.length === 0
  }
  // Whoever asked is told what still differs.
  await waitUntil('all boards are equal', isEqual).catch(() => undefined)
  return differences
}

/** What a client's row and a view have in common. */
function valuesOf(row: object | undefined): string | undefined {
  if (row === undefined) return undefined
  const fields = row as Record<string, unknown>
  return JSON.stringify([...VALUE_FIELDS, 'status', 'exchangeTime', 'receivedTime'].map(name => fields[name] ?? null))
}
