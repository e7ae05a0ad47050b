import { unfold, unfoldTexts } from './column.ts'
import type { Quote } from './quote.ts'
import { CARRIES_BOOK, CARRIES_STATS, CARRIES_TRADE, type QuoteColumns } from './quote-columns.ts'

/** Puts the quotes of the columns at their places. */
export function readColumns(columns: QuoteColumns, quotes: Quote[]): void {
  const { n, at, groups } = columns
  const made = readCommon(columns)
  if (groups & CARRIES_TRADE) readTrade(columns, made)
  if (groups & CARRIES_BOOK) readBook(columns, made)
  if (groups & CARRIES_STATS) readStats(columns, made)
  for (let i = 0; i < n; i++) quotes[at === undefined ? i : (at[i] as number)] = made[i] as Quote
}

function readCommon(columns: QuoteColumns): Quote[] {
  const { n } = columns
  const id = unfold(columns.id, n)
  const key = unfold(columns.key, n)
  const status = unfold(columns.status, n)
  const seq = unfoldTexts(columns.seq, n)
  const seqKind = unfold(columns.seqKind, n)
  const exchangeTime = unfold(columns.exchangeTime, n)
  const receivedTime = unfold(columns.receivedTime, n)
  const observedTime = unfold(columns.observedTime, n)
  const publishedTime = unfold(columns.publishedTime, n)
  const kind = unfold(columns.kind, n)
  const provider = unfold(columns.provider, n)
  const channel = unfold(columns.channel, n)
  const slot = unfold(columns.slot, n)
  const egress = unfold(columns.egress, n)
  const quotes: Quote[] = []
  let received = 0
  let published = 0
  for (let i = 0; i < n; i++) {
    received += receivedTime[i] as number
    published += publishedTime[i] as number
    const ahead = exchangeTime[i] as number | null
    quotes.push({
      id: readId(id[i], key[i] as string, channel[i] as string, seq[i] as string | null),
      key: key[i] as string,
      status: status[i] as Quote['status'],
      seq: seq[i] as string | null,
      seqKind: seqKind[i] as string | null,
      exchangeTime: ahead === null ? null : received + ahead,
      receivedTime: received,
      observedTime: received + (observedTime[i] as number),
      publishedTime: published,
      src: {
        kind: kind[i] as Quote['src']['kind'],
        provider: provider[i] as string,
        channel: channel[i] as string,
        slot: slot[i] as number | null,
        egress: egress[i] as string | null
      }
    })
  }
  return quotes
}

function readId(told: 0 | string | [string] | undefined, key: string, channel: string, seq: string | null): string {
  if (Array.isArray(told)) return told[0]
  return `${key}|${channel}|${told === 0 ? seq : told}`
}

function readTrade(columns: QuoteColumns, quotes: Quote[]): void {
  const last = unfoldTexts(columns.last, columns.n)
  const lastSize = unfoldTexts(columns.lastSize, columns.n)
  for (let i = 0; i < quotes.length; i++) {
    const quote = quotes[i] as Quote
    quote.last = last[i]
    quote.lastSize = lastSize[i]
  }
}

function readBook(columns: QuoteColumns, quotes: Quote[]): void {
  const bid = unfoldTexts(columns.bid, columns.n)
  const bidSize = unfoldTexts(columns.bidSize, columns.n)
  const ask = unfoldTexts(columns.ask, columns.n)
  const askSize = unfoldTexts(columns.askSize, columns.n)
  for (let i = 0; i < quotes.length; i++) {
    const quote = quotes[i] as Quote
    quote.bid = bid[i]
    quote.bidSize = bidSize[i]
    quote.ask = ask[i]
    quote.askSize = askSize[i]
  }
}

function readStats(columns: QuoteColumns, quotes: Quote[]): void {
  const open = unfoldTexts(columns.open, columns.n)
  const high = unfoldTexts(columns.high, columns.n)
  const low = unfoldTexts(columns.low, columns.n)
  const prevClose = unfoldTexts(columns.prevClose, columns.n)
  const volume = unfoldTexts(columns.volume, columns.n)
  const turnover = unfoldTexts(columns.turnover, columns.n)
  const window = unfold(columns.window, columns.n)
  for (let i = 0; i < quotes.length; i++) {
    const quote = quotes[i] as Quote
    quote.open = open[i]
    quote.high = high[i]
    quote.low = low[i]
    quote.prevClose = prevClose[i]
    quote.volume = volume[i]
    quote.turnover = turnover[i]
    quote.window = window[i]
  }
}
