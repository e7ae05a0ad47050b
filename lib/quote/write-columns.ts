import { fold, foldTexts } from './column.ts'
import type { Micros, Quote, StatsWindow } from './quote.ts'
import { CARRIES_BOOK, CARRIES_STATS, CARRIES_TRADE, type QuoteColumns } from './quote-columns.ts'

/** @param quotes At least one; all carry the same `groups`. */
export function writeColumns(groups: number, at: number[] | undefined, quotes: readonly Quote[]): QuoteColumns {
  const columns = writeCommon(groups, at, quotes)
  if (groups & CARRIES_TRADE) Object.assign(columns, writeTrade(quotes))
  if (groups & CARRIES_BOOK) Object.assign(columns, writeBook(quotes))
  if (groups & CARRIES_STATS) Object.assign(columns, writeStats(quotes))
  return columns
}

// Loops over named properties: a callback or a table of names for each column takes half as long again.
function writeCommon(groups: number, at: number[] | undefined, quotes: readonly Quote[]): QuoteColumns {
  const id: (0 | string | [string])[] = []
  const key: string[] = []
  const status: Quote['status'][] = []
  const seq: Quote['seq'][] = []
  const seqKind: Quote['seqKind'][] = []
  const exchangeTime: (number | null)[] = []
  const receivedTime: number[] = []
  const observedTime: number[] = []
  const publishedTime: number[] = []
  const kind: Quote['src']['kind'][] = []
  const provider: string[] = []
  const channel: string[] = []
  const slot: (Micros | null)[] = []
  const egress: (string | null)[] = []
  let received = 0
  let published = 0
  for (const quote of quotes) {
    const { src } = quote
    id.push(writeId(quote))
    key.push(quote.key)
    status.push(quote.status)
    seq.push(quote.seq)
    seqKind.push(quote.seqKind)
    exchangeTime.push(quote.exchangeTime === null ? null : quote.exchangeTime - quote.receivedTime)
    receivedTime.push(quote.receivedTime - received)
    received = quote.receivedTime
    observedTime.push(quote.observedTime - received)
    publishedTime.push(quote.publishedTime - published)
    published = quote.publishedTime
    kind.push(src.kind)
    provider.push(src.provider)
    channel.push(src.channel)
    slot.push(src.slot)
    egress.push(src.egress)
  }
  return {
    n: quotes.length,
    ...(at === undefined ? {} : { at }),
    groups,
    id: fold(id),
    key: fold(key),
    status: fold(status),
    seq: foldTexts(seq),
    seqKind: fold(seqKind),
    exchangeTime: fold(exchangeTime),
    receivedTime: fold(receivedTime),
    observedTime: fold(observedTime),
    publishedTime: fold(publishedTime),
    kind: fold(kind),
    provider: fold(provider),
    channel: fold(channel),
    slot: fold(slot),
    egress: fold(egress)
  }
}

function writeTrade(quotes: readonly Quote[]): Partial<QuoteColumns> {
  const last: (string | null)[] = []
  const lastSize: (string | null)[] = []
  for (const quote of quotes) {
    last.push(quote.last ?? null)
    lastSize.push(quote.lastSize ?? null)
  }
  return { last: foldTexts(last), lastSize: foldTexts(lastSize) }
}

function writeBook(quotes: readonly Quote[]): Partial<QuoteColumns> {
  const bid: (string | null)[] = []
  const bidSize: (string | null)[] = []
  const ask: (string | null)[] = []
  const askSize: (string | null)[] = []
  for (const quote of quotes) {
    bid.push(quote.bid ?? null)
    bidSize.push(quote.bidSize ?? null)
    ask.push(quote.ask ?? null)
    askSize.push(quote.askSize ?? null)
  }
  return { bid: foldTexts(bid), bidSize: foldTexts(bidSize), ask: foldTexts(ask), askSize: foldTexts(askSize) }
}

function writeStats(quotes: readonly Quote[]): Partial<QuoteColumns> {
  const open: (string | null)[] = []
  const high: (string | null)[] = []
  const low: (string | null)[] = []
  const prevClose: (string | null)[] = []
  const volume: (string | null)[] = []
  const turnover: (string | null)[] = []
  const window: (StatsWindow | null)[] = []
  for (const quote of quotes) {
    open.push(quote.open ?? null)
    high.push(quote.high ?? null)
    low.push(quote.low ?? null)
    prevClose.push(quote.prevClose ?? null)
    volume.push(quote.volume ?? null)
    turnover.push(quote.turnover ?? null)
    window.push(quote.window ?? null)
  }
  return {
    open: foldTexts(open),
    high: foldTexts(high),
    low: foldTexts(low),
    prevClose: foldTexts(prevClose),
    volume: foldTexts(volume),
    turnover: foldTexts(turnover),
    window: fold(window)
  }
}

/** What an id tells beyond its quote's other fields. */
function writeId({ id, key, seq, src: { channel } }: Quote): 0 | string | [string] {
  const from = key.length + channel.length + 2
  const usual =
    id.startsWith(key) && id[key.length] === '|' && id.startsWith(channel, key.length + 1) && id[from - 1] === '|'
  if (!usual) return [id]
  return seq !== null && id.length === from + seq.length && id.endsWith(seq) ? 0 : id.slice(from)
}
