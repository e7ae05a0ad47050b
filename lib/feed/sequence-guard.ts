import { compareSequence } from '../quote/board.ts'
import type { Micros, Quote } from '../quote/quote.ts'
import { quoteId } from '../quote/quote-id.ts'

/** How long a sequence without exchange times must stay below its height before it counts as started again. */
const FALL_MICROS = 5_000_000

/** What is known of the sequence of one channel of one key. */
interface Track {
  /** The venue's own name of the sequence, without the mark of a restart. */
  baseKind: string
  seqKind: string
  /** The height: the greatest number, and when the venue sent it. */
  seq: string
  exchangeTime: Micros | null
  /** Begin and height of a fall that is not yet taken for a restart. */
  fall: { since: Micros; seq: string } | null
  /** The kind before the last restart and when that was, to recognise stragglers. */
  previous: { seqKind: string; until: Micros } | null
}

/**
 * Notices that a venue's sequence began again (after a restart of the venue numbers repeat from below) and gives what follows a new
 * sequence kind, `<kind>~<micros>`: otherwise all of it would lose against the old height, and repeated numbers would collapse
 * with stored quotes by id.
 *
 * A lower number is a restart when its exchange time is later than that of the height. Where there is no exchange time it is
 * one once lower numbers have kept rising for 5 s of observed time while nothing reached the height again; until then, and
 * for all late duplicates, it is merely old and passes as it is. One guard serves all connections of a feed, so that connections
 * that overlap share the height. Bounded by keys times channels.
 */
export class SequenceGuard {
  readonly #tracks = new Map<string, Map<string, Track>>()
  #restarts = 0

  /** The restarts noticed so far. */
  get restarts(): number {
    return this.#restarts
  }

  /** Takes over what is known from before the start of this process, such as the newest stored quotes; unlike `pass` it changes none. */
  restore(quotes: Iterable<Quote>): void {
    for (const quote of quotes) {
      const { seq, seqKind } = quote
      if (seq === null || seqKind === null) continue
      const held = this.#find(quote)
      if (held !== undefined && (compareSequence(seqKind, held.seqKind) || compareSequence(seq, held.seq)) <= 0)
        continue
      this.#begin(quote, seq, seqKind)
    }
  }

  /** Marks a quote of a sequence that began again, in place; any other stays as it is. */
  pass(quote: Quote): void {
    const { seq, seqKind } = quote
    if (seq === null || seqKind === null) return
    const track = this.#find(quote)
    if (track === undefined || track.baseKind !== seqKind) {
      this.#begin(quote, seq, seqKind)
      return
    }
    if (track.previous !== null && quote.exchangeTime !== null && quote.exchangeTime < track.previous.until) {
      mark(quote, seq, track.previous.seqKind)
      return
    }
    if (compareSequence(seq, track.seq) >= 0) {
      track.seq = seq
      track.exchangeTime = quote.exchangeTime
      track.fall = null
    } else if (this.#hasRestarted(track, quote, seq)) {
      this.#restart(track, quote, seq)
    }
    mark(quote, seq, track.seqKind)
  }

  #find(quote: Quote): Track | undefined {
    return this.#tracks.get(quote.key)?.get(quote.src.channel)
  }

  #begin(quote: Quote, seq: string, seqKind: string): void {
    const tracks = this.#tracks.get(quote.key) ?? new Map<string, Track>()
    this.#tracks.set(quote.key, tracks)
    const baseKind = seqKind.replace(/~.*/, '')
    tracks.set(quote.src.channel, {
      baseKind,
      seqKind,
      seq,
      exchangeTime: quote.exchangeTime,
      fall: null,
      previous: null
    })
  }

  #hasRestarted(track: Track, quote: Quote, seq: string): boolean {
    if (quote.exchangeTime !== null && track.exchangeTime !== null) return quote.exchangeTime > track.exchangeTime
    if (track.fall === null) {
      track.fall = { since: quote.observedTime, seq }
      return false
    }
    // A duplicate of an old quote does not rise above the ones before it; a sequence that began again does.
    if (compareSequence(seq, track.fall.seq) <= 0) return false
    track.fall.seq = seq
    return quote.observedTime - track.fall.since >= FALL_MICROS
  }

  #restart(track: Track, quote: Quote, seq: string): void {
    this.#restarts++
    track.previous = quote.exchangeTime === null ? null : { seqKind: track.seqKind, until: quote.exchangeTime }
    // The venue's time where it is known: replicas of a feed then choose the same mark, and their quotes collapse.
    const at = Math.max(quote.exchangeTime ?? quote.observedTime, markOf(track.seqKind) + 1)
    track.seqKind = `${track.baseKind}~${at}`
    track.seq = seq
    track.exchangeTime = quote.exchangeTime
    track.fall = null
  }
}

/** The micros in a kind, or 0 for a sequence that never began again. */
function markOf(seqKind: string): Micros {
  const at = seqKind.indexOf('~')
  return at === -1 ? 0 : Number(seqKind.slice(at + 1))
}

/** Gives a quote its sequence kind, and a new id where the sequence is what the id was made of. */
function mark(quote: Quote, seq: string, seqKind: string): void {
  if (quote.seqKind === seqKind) return
  const { key, src } = quote
  if (quote.id === quoteId(key, src.channel, { sequence: seq })) {
    quote.id = quoteId(key, src.channel, { sequence: seq, seqKind })
  }
  quote.seqKind = seqKind
}
