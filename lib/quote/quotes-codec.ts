import type { QuotesReceived } from './events.ts'
import type { Micros, Quote } from './quote.ts'
import { CARRIES_BOOK, CARRIES_STATS, CARRIES_TRADE, type QuoteColumns } from './quote-columns.ts'
import { readColumns } from './read-columns.ts'
import { writeColumns } from './write-columns.ts'

/** What is written: the quotes in parts, each of those that carry the same field groups. */
interface Encoded {
  source: string
  slot?: Micros
  parts: QuoteColumns[]
}

/**
 * How the payload of `quotes.received` is stored: JSON by columns ({@link QuoteColumns}), a third of the bytes of JSON by rows
 * and half of the time. Nothing is changed on the way: a text stays the text it was, a time an integer, and a group that was
 * absent stays absent. The order of the quotes, and so their positions, is kept.
 */
export const quotesCodec = {
  /** Stands beside every stored payload: another format needs another name. */
  name: 'quotes.columns.1',

  encode({ source, slot, quotes }: QuotesReceived): Buffer {
    const parts = split(quotes).map(({ groups, at, quotes }) => writeColumns(groups, at, quotes))
    return Buffer.from(JSON.stringify({ source, slot, parts } satisfies Encoded))
  },

  /** @throws SyntaxError or TypeError for what `encode` did not write. */
  decode(data: Buffer): QuotesReceived {
    const { source, slot, parts } = JSON.parse(data.toString()) as Encoded
    const quotes = new Array<Quote>(parts.reduce((sum, { n }) => sum + n, 0))
    for (const part of parts) readColumns(part, quotes)
    return slot === undefined ? { source, quotes } : { source, slot, quotes }
  }
}

interface Part {
  groups: number
  /** Undefined where all quotes carry the same groups. */
  at: number[] | undefined
  quotes: readonly Quote[]
}

/** The quotes by the groups that they carry. */
function split(quotes: readonly Quote[]): Part[] {
  const [first] = quotes
  if (first === undefined) return []
  const groups = groupsOf(first)
  if (quotes.every(quote => groupsOf(quote) === groups)) return [{ groups, at: undefined, quotes }]
  const parts = new Map<number, { groups: number; at: number[]; quotes: Quote[] }>()
  for (const [index, quote] of quotes.entries()) {
    const groups = groupsOf(quote)
    let part = parts.get(groups)
    if (part === undefined) {
      part = { groups, at: [], quotes: [] }
      parts.set(groups, part)
    }
    part.at.push(index)
    part.quotes.push(quote)
  }
  return [...parts.values()]
}

/** By the first field of each group, as `carries` has it, without its look-up. */
function groupsOf({ last, bid, open }: Quote): number {
  return (
    (last === undefined ? 0 : CARRIES_TRADE) |
    (bid === undefined ? 0 : CARRIES_BOOK) |
    (open === undefined ? 0 : CARRIES_STATS)
  )
}
