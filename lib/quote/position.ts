/**
 * Positions: `q = streamSequence * 4096 + index` orders every quote of an epoch, the same for all readers of the stream.
 * A stream sequence up to 2^41 keeps `q` a safe integer: two trillion batches.
 */
export const QUOTES_PER_BATCH = 4096

/** The position of the quote at `index` of the batch with stream sequence `sequence`. */
export function positionOf(sequence: number, index: number): number {
  return sequence * QUOTES_PER_BATCH + index
}

/** The stream sequence of the batch that holds position `q`. */
export function sequenceOf(q: number): number {
  return Math.floor(q / QUOTES_PER_BATCH)
}
