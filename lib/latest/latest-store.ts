import type { BoardRow, Candidate } from '../quote/board.ts'

/**
 * The newest value of every instrument, merged by the rule of `lib/quote/board.ts`.
 *
 * `merge` is idempotent and needs no order: after any interleaving of the same candidates, by any number of writers, the rows are
 * equal. It is atomic per key. `rows` leaves out keys that were never merged; `keys` is unordered and may miss a key that is
 * merged while it runs. Bounded by keys times channels.
 */
export interface LatestStore {
  merge(candidates: readonly Candidate[]): Promise<void>
  rows(keys: readonly string[]): Promise<BoardRow[]>
  keys(): Promise<string[]>
  close(): Promise<void>
}
