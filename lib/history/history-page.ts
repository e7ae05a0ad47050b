import type { Quote } from '../quote/quote.ts'
import type { AsOfQuery, HistoryRange, HistoryStore } from './history-store.ts'

/** A page crosses the cluster as one message, of 1 MiB at most; half of it is quotes. */
const MAX_BYTES = 512 * 1024

/** Rows of a range from its beginning, in order. */
export interface HistoryPage {
  /** At least one unless it is the last. */
  quotes: Quote[]
  /** Whether nothing of the range follows. */
  isLast: boolean
}

/** The quotes of a moment, of some of the instruments asked for. */
export interface MomentPage {
  quotes: Quote[]
  /** Of so many keys, the first ones, these are all; at least one. */
  answered: number
}

/** As much of a range as fits one message; the next page begins behind the last row of this one. */
export async function readPage(history: HistoryStore, range: HistoryRange): Promise<HistoryPage> {
  const quotes = await history.range(range)
  const room = new Room()
  const tooMany = quotes.findIndex(quote => !room.takes([quote]))
  if (tooMany >= 0) return { quotes: quotes.slice(0, tooMany), isLast: false }
  return { quotes, isLast: quotes.length < range.limit }
}

/** The quotes of a moment, of as many instruments as fit one message; the others are to be asked for anew. */
export async function readMoment(history: HistoryStore, query: AsOfQuery): Promise<MomentPage> {
  const found = Map.groupBy(await history.asOf(query), ({ key }) => key)
  const byKey = query.keys.map(key => found.get(key) ?? [])
  const room = new Room()
  const tooMany = byKey.findIndex(quotes => !room.takes(quotes))
  const answered = tooMany < 0 ? byKey.length : tooMany
  return { quotes: byKey.slice(0, answered).flat(), answered }
}

/** What is left of a message. */
class Room {
  #bytes = 0
  #isEmpty = true

  /** Whether these still fit; the first always do. */
  takes(quotes: readonly Quote[]): boolean {
    for (const quote of quotes) this.#bytes += Buffer.byteLength(JSON.stringify(quote))
    const fits = this.#bytes <= MAX_BYTES || this.#isEmpty
    this.#isEmpty = false
    return fits
  }
}
