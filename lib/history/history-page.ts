import type { Quote } from '../quote/quote.ts'
import type { HistoryRange, HistoryStore } from './history-store.ts'

/** A page crosses the cluster as one message, of 1 MiB at most; half of it is quotes. */
const MAX_BYTES = 512 * 1024

/** Rows of a range from its beginning, in order. */
export interface HistoryPage {
  /** At least one unless it is the last. */
  quotes: Quote[]
  /** Whether nothing of the range follows. */
  isLast: boolean
}

/** As much of a range as fits one message; the next page begins behind the last row of this one. */
export async function readPage(history: HistoryStore, range: HistoryRange): Promise<HistoryPage> {
  const quotes = await history.range(range)
  let bytes = 0
  const tooMany = quotes.findIndex((quote, index) => {
    bytes += Buffer.byteLength(JSON.stringify(quote))
    return bytes > MAX_BYTES && index > 0
  })
  if (tooMany >= 0) return { quotes: quotes.slice(0, tooMany), isLast: false }
  return { quotes, isLast: quotes.length < range.limit }
}
