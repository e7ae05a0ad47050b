import { matchesPattern } from '../instruments/key-pattern.ts'
import type { Quote } from '../quote/quote.ts'
import type { PageQuery, PlaybackHistory } from './playback-history.ts'

/** A history to play that is a list of quotes in this process; its bound is the caller's. */
export class MemoryPlaybackHistory implements PlaybackHistory {
  readonly #quotes: Quote[]

  constructor(quotes: readonly Quote[]) {
    this.#quotes = quotes.toSorted((a, b) => a.observedTime - b.observedTime || compareText(a.id, b.id))
  }

  async page({ key, from, to, after, limit }: PageQuery): Promise<{ quotes: Quote[]; isLast: boolean }> {
    const rest = this.#quotes.filter(
      ({ key: own, observedTime, id }) =>
        own === key &&
        observedTime >= from &&
        observedTime < to &&
        (after === undefined || (observedTime - after.observedTime || compareText(id, after.id)) > 0)
    )
    return { quotes: rest.slice(0, limit), isLast: rest.length < limit }
  }

  async asOf({
    keys,
    since,
    before
  }: Parameters<PlaybackHistory['asOf']>[0]): Promise<{ quotes: Quote[]; answered: number }> {
    const newest = new Map<string, Quote>()
    for (const quote of this.#quotes) {
      const { key, src, observedTime } = quote
      if (keys.includes(key) && observedTime >= since && observedTime < before)
        newest.set(`${key} ${src.channel}`, quote)
    }
    return { quotes: [...newest.values()], answered: keys.length }
  }

  async keys({
    patterns,
    after,
    limit
  }: Parameters<PlaybackHistory['keys']>[0]): Promise<{ keys: string[]; next: string | null }> {
    const keys = [...new Set(this.#quotes.map(({ key }) => key))]
      .filter(key => compareText(key, after ?? '') > 0 && patterns.some(one => matchesPattern(one, key.split(':'))))
      .sort(compareText)
      .slice(0, limit)
    return { keys, next: keys.length < limit ? null : (keys.at(-1) ?? null) }
  }
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
