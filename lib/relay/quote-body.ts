import type { Quote } from '../quote/quote.ts'

export const QUOTE_CONTENT_TYPE = 'application/json'

/** A quote as the body of a message: its JSON, in which prices are the texts that they were. */
export function quoteBody(quote: Quote): Buffer {
  return Buffer.from(JSON.stringify(quote))
}
