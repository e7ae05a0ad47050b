import { type Column, unfold, unfoldTexts } from './column.ts'
import type { Quote, QuoteOrigin, ValueField } from './quote.ts'
import { CARRIES_ALL, CARRIES_BOOK, CARRIES_STATS, CARRIES_TRADE, type QuoteColumns } from './quote-columns.ts'

/** Puts the quotes of the columns at their places. */
export function readColumns(columns: QuoteColumns, quotes: Quote[]): void {
  const { n, at, groups } = columns
  const made = groups === CARRIES_ALL ? readWhole(columns) : readParts(columns)
  for (let i = 0; i < n; i++) quotes[at === undefined ? i : (at[i] as number)] = made[i] as Quote
}

/** Quotes with all groups. One literal for all fields: those that are added later lie outside of the object, in a list that grows by copying. */
function readWhole(columns: QuoteColumns): Quote[] {
  const { n } = columns
  const common = readCommon(columns)
  const last = unfoldTexts(columns.last, n)
  const lastSize = unfoldTexts(columns.lastSize, n)
  const bid = unfoldTexts(columns.bid, n)
  const bidSize = unfoldTexts(columns.bidSize, n)
  const ask = unfoldTexts(columns.ask, n)
  const askSize = unfoldTexts(columns.askSize, n)
  const open = unfoldTexts(columns.open, n)
  const high = unfoldTexts(columns.high, n)
  const low = unfoldTexts(columns.low, n)
  const prevClose = unfoldTexts(columns.prevClose, n)
  const volume = unfoldTexts(columns.volume, n)
  const turnover = unfoldTexts(columns.turnover, n)
  const window = unfold(columns.window, n)
  const quotes: Quote[] = []
  for (let i = 0; i < n; i++) {
    quotes.push({
      id: common.id[i] as string,
      key: common.key[i] as string,
      status: common.status[i] as Quote['status'],
      seq: common.seq[i] as string | null,
      seqKind: common.seqKind[i] as string | null,
      exchangeTime: common.exchangeTime[i] as number | null,
      receivedTime: common.receivedTime[i] as number,
      observedTime: common.observedTime[i] as number,
      publishedTime: common.publishedTime[i] as number,
      src: common.src[i] as QuoteOrigin,
      last: last[i],
      lastSize: lastSize[i],
      bid: bid[i],
      bidSize: bidSize[i],
      ask: ask[i],
      askSize: askSize[i],
      open: open[i],
      high: high[i],
      low: low[i],
      prevClose: prevClose[i],
      volume: volume[i],
      turnover: turnover[i],
      window: window[i]
    })
  }
  return quotes
}

function readParts(columns: QuoteColumns): Quote[] {
  const { n, groups } = columns
  const common = readCommon(columns)
  const quotes: Quote[] = []
  for (let i = 0; i < n; i++) {
    quotes.push({
      id: common.id[i] as string,
      key: common.key[i] as string,
      status: common.status[i] as Quote['status'],
      seq: common.seq[i] as string | null,
      seqKind: common.seqKind[i] as string | null,
      exchangeTime: common.exchangeTime[i] as number | null,
      receivedTime: common.receivedTime[i] as number,
      observedTime: common.observedTime[i] as number,
      publishedTime: common.publishedTime[i] as number,
      src: common.src[i] as QuoteOrigin
    })
  }
  if (groups & CARRIES_TRADE) readTrade(columns, quotes)
  if (groups & CARRIES_BOOK) readBook(columns, quotes)
  if (groups & CARRIES_STATS) readStats(columns, quotes)
  return quotes
}

/** The fields that every quote has, one list each. */
type Common = { [Field in Exclude<keyof Quote, ValueField>]-?: Quote[Field][] }

function readCommon(columns: QuoteColumns): Common {
  const { n } = columns
  const key = unfold(columns.key, n)
  const seq = unfoldTexts(columns.seq, n)
  const channel = unfold(columns.channel, n)
  const receivedTime = sums(columns.receivedTime, n)
  return {
    id: readIds(unfold(columns.id, n), key, channel, seq),
    key,
    status: unfold(columns.status, n),
    seq,
    seqKind: unfold(columns.seqKind, n),
    exchangeTime: unfold(columns.exchangeTime, n).map((ahead, i) =>
      ahead === null ? null : (receivedTime[i] as number) + ahead
    ),
    receivedTime,
    observedTime: unfold(columns.observedTime, n).map((ahead, i) => (receivedTime[i] as number) + ahead),
    publishedTime: sums(columns.publishedTime, n),
    src: readOrigins(columns, channel)
  }
}

/** The running sums of steps. */
function sums(steps: Column<number>, n: number): number[] {
  let sum = 0
  return unfold(steps, n).map(step => {
    sum += step
    return sum
  })
}

/** One for all quotes where they have all in common. */
function readOrigins(columns: QuoteColumns, channel: readonly string[]): QuoteOrigin[] {
  const { n } = columns
  const kind = unfold(columns.kind, n)
  const provider = unfold(columns.provider, n)
  const slot = unfold(columns.slot, n)
  const egress = unfold(columns.egress, n)
  const originOf = (i: number): QuoteOrigin => ({
    kind: kind[i] as QuoteOrigin['kind'],
    provider: provider[i] as string,
    channel: channel[i] as string,
    slot: slot[i] as number | null,
    egress: egress[i] as string | null
  })
  const parts = [columns.kind, columns.provider, columns.channel, columns.slot, columns.egress]
  if (!parts.some(Array.isArray)) return new Array<QuoteOrigin>(n).fill(originOf(0))
  return Array.from({ length: n }, (_, i) => originOf(i))
}

function readIds(
  told: readonly (0 | string | [string])[],
  key: readonly string[],
  channel: readonly string[],
  seq: readonly (string | null)[]
): string[] {
  return told.map((one, i) => (Array.isArray(one) ? one[0] : `${key[i]}|${channel[i]}|${one === 0 ? seq[i] : one}`))
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
