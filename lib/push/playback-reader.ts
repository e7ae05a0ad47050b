import type { Micros, Quote } from '../quote/quote.ts'
import type { PageQuery, PlaybackHistory } from './playback-history.ts'

export interface PlaybackReaderOptions {
  readonly keys: readonly string[]
  /** Inclusive. */
  readonly from: Micros
  /** Exclusive. */
  readonly until: Micros
  /** Rows of a page: each instrument has one in memory. */
  readonly pageRows: number
  readonly page: PlaybackHistory['page']
}

/** One instrument: what was read of it and not given out yet. */
interface Track {
  readonly key: string
  quotes: readonly Quote[]
  last: Quote | undefined
  isLast: boolean
}

/** Merges the histories of instruments into one, in the order of observed time, then key, then id. */
export class PlaybackReader {
  readonly #options: PlaybackReaderOptions
  /** Sorted by key; those of which there is nothing more are gone. */
  #tracks: Track[]

  constructor(options: PlaybackReaderOptions) {
    this.#options = options
    this.#tracks = options.keys.toSorted(compareText).map(key => ({ key, quotes: [], last: undefined, isLast: false }))
  }

  /**
   * The next quotes, at least one and at most a page of each instrument; undefined at the end. Rejects as a page did; then nothing is
   * lost, and it may be asked again. Not to be called while a call is under way.
   */
  async next(): Promise<Quote[] | undefined> {
    for (const track of this.#tracks) if (track.quotes.length === 0 && !track.isLast) await this.#read(track)
    this.#tracks = this.#tracks.filter(({ quotes }) => quotes.length > 0)
    if (this.#tracks.length === 0) return undefined
    const horizon = this.#horizon()
    const run = this.#tracks.flatMap(track => take(track, horizon))
    // The sort is stable, so that equal times stay in the order of keys and ids.
    return run.sort((a, b) => a.observedTime - b.observedTime)
  }

  async #read(track: Track): Promise<void> {
    const { from, until, pageRows, page } = this.#options
    const { key, last } = track
    const after = last && { observedTime: last.observedTime, id: last.id }
    const query: PageQuery = { key, from, to: until, limit: pageRows, ...(after && { after }) }
    const { quotes, isLast } = await page(query)
    if (quotes.length === 0 && !isLast) throw new Error(`${key}: expected quotes in a page that is not the last`)
    track.quotes = quotes
    track.last = quotes.at(-1)
    track.isLast = isLast
  }

  /** The track that ends first among those that go on: behind its end nothing is known to be in order. */
  #horizon(): Track | undefined {
    let first: Track | undefined
    for (const track of this.#tracks) {
      if (!track.isLast && (first === undefined || endOf(track) < endOf(first))) first = track
    }
    return first
  }
}

/** Takes the quotes of a track up to the horizon. */
function take(track: Track, horizon: Track | undefined): readonly Quote[] {
  const { quotes } = track
  if (horizon === undefined || horizon === track) {
    track.quotes = []
    return quotes
  }
  const end = endOf(horizon)
  const isWithin = ({ observedTime }: Quote): boolean =>
    observedTime < end || (observedTime === end && track.key < horizon.key)
  const firstBehind = quotes.findIndex(quote => !isWithin(quote))
  const count = firstBehind < 0 ? quotes.length : firstBehind
  track.quotes = quotes.slice(count)
  return quotes.slice(0, count)
}

function endOf({ last }: Track): Micros {
  return last?.observedTime ?? Number.POSITIVE_INFINITY
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
