import type { HistoryStore } from '../../lib/history/history-store.ts'
import type { Quote } from '../../lib/quote/quote.ts'

const PAGE = 10_000

/** Every stored quote of an instrument, once for each row that holds it, in pages as a reader of the history gets them. */
export async function* historyOf(history: HistoryStore, key: string): AsyncGenerator<Quote> {
  for (let from = 0; ; ) {
    const page = await history.range({ key, from, to: Number.MAX_SAFE_INTEGER, limit: PAGE })
    const last = page.at(-1)?.observedTime ?? 0
    // Rows of the page's last moment may go on behind it: they come whole with the next page.
    const isLast = page.length < PAGE
    if (!isLast && page[0]?.observedTime === last) throw new Error(`${key}: more than ${PAGE} quotes of one moment`)
    for (const quote of page) if (isLast || quote.observedTime < last) yield quote
    if (isLast) return
    from = last
  }
}
