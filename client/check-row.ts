import { QuoteClientError } from './client-error.ts'
import type { Row } from './row.ts'

/** What a row is to a client that holds the position `have` of its instrument, or nothing. */
export type RowCheck = 'first' | 'complete' | 'duplicate' | 'lost'

/** `q <= have` is a duplicate, `p <= have < q` complete; with `p > have` something between was lost. */
export function checkRow(have: number | undefined, { key, q, p = 0 }: Row): RowCheck {
  if (!Number.isSafeInteger(q)) throw new QuoteClientError('bad_frame', key)
  if (have === undefined) return 'first'
  if (q <= have) return 'duplicate'
  return p > have ? 'lost' : 'complete'
}
