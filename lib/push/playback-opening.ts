import type { Micros, Quote } from '../quote/quote.ts'
import type { FixedLimits } from './live-limits.ts'
import { MessageError } from './message-error.ts'
import { AS_OF_KEYS, type PlaybackHistory } from './playback-history.ts'
import type { PlaybackReads } from './playback-reads.ts'
import type { Signature } from './signature.ts'

export interface PlaybackOpeningDeps {
  readonly reads: PlaybackReads
  readonly limits: FixedLimits
}

/** Reads what a playback has to know before it begins. */
export class PlaybackOpening {
  readonly #deps: PlaybackOpeningDeps
  readonly #signal: AbortSignal

  /** @param signal ends it */
  constructor(deps: PlaybackOpeningDeps, signal: AbortSignal) {
    this.#deps = deps
    this.#signal = signal
  }

  /** The instruments that are meant, each once. @throws MessageError 405 when these are too many */
  async keys({ keys, patterns }: Signature): Promise<string[]> {
    const { reads, limits } = this.#deps
    const { playbackKeys } = limits
    const found = new Set(keys)
    let after: string | null = null
    if (patterns.length === 0) return [...found]
    do {
      const query: Parameters<PlaybackHistory['keys']>[0] = { patterns, after, limit: playbackKeys + 1 }
      const page: Awaited<ReturnType<PlaybackHistory['keys']>> = await reads.read(
        history => history.keys(query),
        this.#signal
      )
      for (const key of page.keys) found.add(key)
      after = page.next
      if (found.size > playbackKeys)
        throw new MessageError(405, `expected at most ${playbackKeys} instruments to play, got more`, null)
    } while (after !== null)
    return [...found]
  }

  /** The newest quotes of the instruments before a moment, by observed time. */
  async shownBefore(before: Micros, keys: readonly string[]): Promise<Quote[]> {
    const { reads, limits } = this.#deps
    const since = Math.max(0, before - limits.playbackLookBackMs * 1_000)
    const quotes: Quote[] = []
    for (let begin = 0; begin < keys.length; ) {
      const query = { keys: keys.slice(begin, begin + AS_OF_KEYS), since, before }
      const moment = await reads.read(history => history.asOf(query), this.#signal)
      if (moment.answered < 1) throw new Error(`${query.keys[0]}: expected an answer for one key at least`)
      quotes.push(...moment.quotes)
      begin += moment.answered
    }
    return quotes.sort((a, b) => a.observedTime - b.observedTime)
  }
}
