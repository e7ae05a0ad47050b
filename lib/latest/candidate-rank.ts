import type { Candidate } from '../quote/board.ts'
import { StoreError } from '../store/store-error.ts'

/** The digits of 2^53: as wide as any time or position. */
const NUMBER_WIDTH = 16
/** A null time is 0, so that every other is one more. */
const MAX_NUMBER = 2 ** 53
const LENGTH_WIDTH = 3
const MAX_LENGTH = 998
const TEXT = /^[\x21-\x7e]*$/

/**
 * A text that orders candidates of one field byte by byte exactly as `compareCandidates` does, so that a store which knows only
 * bytes keeps the right one. Numbers never leave the text, and so keep all their digits.
 *
 * @throws StoreError `out_of_domain` for negative or fractional numbers and for sequences that are not ASCII.
 */
export function rankOf({ quote, q, epoch }: Candidate): string {
  // Checked first, as a negative one would only grow when it is turned round.
  number(q)
  return (
    text(quote.seqKind) +
    text(quote.seq) +
    number(quote.exchangeTime === null ? 0 : quote.exchangeTime + 1) +
    number(quote.observedTime) +
    number(Number.MAX_SAFE_INTEGER - q) +
    tail(epoch)
  )
}

/** By length, then text; null first. */
function text(value: string | null): string {
  if (value === null) return '0'.repeat(LENGTH_WIDTH)
  if (value.length > MAX_LENGTH)
    throw new StoreError('out_of_domain', `expected a sequence of at most ${MAX_LENGTH} digits`)
  return String(value.length + 1).padStart(LENGTH_WIDTH, '0') + tail(value)
}

function tail(value: string): string {
  if (!TEXT.test(value))
    throw new StoreError('out_of_domain', `expected ASCII without blanks, got ${JSON.stringify(value)}`)
  return value
}

function number(value: number): string {
  if (!Number.isInteger(value) || value < 0 || value > MAX_NUMBER) {
    throw new StoreError('out_of_domain', `expected a time or position of 0 or more, got ${value}`)
  }
  return String(value).padStart(NUMBER_WIDTH, '0')
}
