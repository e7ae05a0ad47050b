import { QUOTES_PER_BATCH } from './position.ts'
import type { Quote } from './quote.ts'

/** The bound of one encoded event; the server's limit of a message is 1 MiB. */
export const MAX_BATCH_BYTES = 512 * 1024

/**
 * Cuts quotes into batches of at most 4096 quotes and {@link MAX_BATCH_BYTES} as `quotesCodec` writes them, in order.
 * The size is an upper estimate: as if no two values of a column were the same.
 */
export function splitBatches(quotes: readonly Quote[]): Quote[][] {
  const batches: Quote[][] = []
  let batch: Quote[] = []
  let bytes = 0
  for (const quote of quotes) {
    const size = estimateBytes(quote)
    if (batch.length === QUOTES_PER_BATCH || (batch.length > 0 && bytes + size > MAX_BATCH_BYTES)) {
      batches.push(batch)
      batch = []
      bytes = 0
    }
    batch.push(quote)
    bytes += size
  }
  if (batch.length > 0) batches.push(batch)
  return batches
}

/** Punctuation, times and closed words of one quote in columns whose values all differ, without its other texts. */
const FIXED_BYTES = 200

/** UTF-8 takes up to 3 bytes for a UTF-16 unit. */
const BYTES_PER_UNIT = 3

function estimateBytes(quote: Quote): number {
  const { key, id, seq, seqKind, src } = quote
  const told = id.startsWith(key) ? id.length - key.length : id.length
  const texts = key.length + told + src.channel.length + src.provider.length + (src.egress?.length ?? 0)
  let bytes = FIXED_BYTES + BYTES_PER_UNIT * texts + (seq?.length ?? 0) + (seqKind?.length ?? 0)
  for (const text of [
    quote.last,
    quote.lastSize,
    quote.bid,
    quote.bidSize,
    quote.ask,
    quote.askSize,
    quote.open,
    quote.high,
    quote.low,
    quote.prevClose,
    quote.volume,
    quote.turnover
  ]) {
    bytes += text?.length ?? 0
  }
  return bytes
}
