import { fold } from './column.ts'
import type { Micros, Quote, StatsWindow, ValueField } from './quote.ts'
import { CARRIES_BOOK, CARRIES_STATS, CARRIES_TRADE, type QuoteColumns } from './quote-columns.ts'
import { TextColumnWriter } from './text-column-writer.ts'

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
  const seq = new TextColumnWriter(quotes.length)
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
    seq.add(quote.seq)
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
    seq: seq.column(() => textsOf(quotes, 'seq')),
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
  const last = new TextColumnWriter(quotes.length)
  const lastSize = new TextColumnWriter(quotes.length)
  for (const quote of quotes) {
    last.add(quote.last)
    lastSize.add(quote.lastSize)
  }
  return {
    last: last.column(() => textsOf(quotes, 'last')),
    lastSize: lastSize.column(() => textsOf(quotes, 'lastSize'))
  }
}

function writeBook(quotes: readonly Quote[]): Partial<QuoteColumns> {
  const bid = new TextColumnWriter(quotes.length)
  const bidSize = new TextColumnWriter(quotes.length)
  const ask = new TextColumnWriter(quotes.length)
  const askSize = new TextColumnWriter(quotes.length)
  for (const quote of quotes) {
    bid.add(quote.bid)
    bidSize.add(quote.bidSize)
    ask.add(quote.ask)
    askSize.add(quote.askSize)
  }
  return {
    bid: bid.column(() => textsOf(quotes, 'bid')),
    bidSize: bidSize.column(() => textsOf(quotes, 'bidSize')),
    ask: ask.column(() => textsOf(quotes, 'ask')),
    askSize: askSize.column(() => textsOf(quotes, 'askSize'))
  }
}

function writeStats(quotes: readonly Quote[]): Partial<QuoteColumns> {
  const open = new TextColumnWriter(quotes.length)
  const high = new TextColumnWriter(quotes.length)
  const low = new TextColumnWriter(quotes.length)
  const prevClose = new TextColumnWriter(quotes.length)
  const volume = new TextColumnWriter(quotes.length)
  const turnover = new TextColumnWriter(quotes.length)
  const window: (StatsWindow | null)[] = []
  for (const quote of quotes) {
    open.add(quote.open)
    high.add(quote.high)
    low.add(quote.low)
    prevClose.add(quote.prevClose)
    volume.add(quote.volume)
    turnover.add(quote.turnover)
    window.push(quote.window ?? null)
  }
  return {
    open: open.column(() => textsOf(quotes, 'open')),
    high: high.column(() => textsOf(quotes, 'high')),
    low: low.column(() => textsOf(quotes, 'low')),
    prevClose: prevClose.column(() => textsOf(quotes, 'prevClose')),
    volume: volume.column(() => textsOf(quotes, 'volume')),
    turnover: turnover.column(() => textsOf(quotes, 'turnover')),
    window: fold(window)
  }
}

type TextField = Exclude<ValueField, 'window'> | 'seq'

/** The rare way: of texts that cannot be joined. */
function textsOf(quotes: readonly Quote[], field: TextField): (string | null)[] {
  return quotes.map(quote => quote[field] ?? null)
}

/** What an id tells beyond its quote's other fields. */
function writeId({ id, key, seq, src: { channel } }: Quote): 0 | string | [string] {
  if (id === `${key}|${channel}|${seq}` && seq !== null) return 0
  const prefix = `${key}|${channel}|`
  return id.startsWith(prefix) ? id.slice(prefix.length) : [id]
}
