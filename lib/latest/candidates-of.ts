import type { Candidate } from '../quote/board.ts'
import { positionOf } from '../quote/position.ts'
import type { Quote } from '../quote/quote.ts'

/** The quotes of a batch with their places in the stream. */
export function candidatesOf(quotes: readonly Quote[], epoch: string, sequence: number): Candidate[] {
  return quotes.map((quote, index) => ({ quote, epoch, q: positionOf(sequence, index) }))
}

/**
 * Stored quotes as candidates that make way for any real one: they come from before the stream, at position 0 of no epoch.
 * A quote that is in both keeps the smaller position, so a reader of the stream sees no update in it, rightly.
 */
export function warmCandidates(quotes: readonly Quote[]): Candidate[] {
  return quotes.map(quote => ({ quote, epoch: '', q: 0 }))
}
