import type { Pair, Snapshot } from './market.ts'
import { RollingDay } from './rolling-day.ts'
import { multiply, parseUnits, type Units } from './units.ts'

/** What a recording has shown of one pair. */
interface Seen extends Pair {
  /** The last book ticker frame, read when someone asks. */
  book: string | undefined
  last: Units
  lastSize: Units
  lastId: number
  day: RollingDay
  /** The recorded time of the newest trade, milliseconds. */
  time: number
}

/** The quote assets by which a symbol of a recording is taken apart, longest first. */
const QUOTES = ['FDUSD', 'USDT', 'USDC', 'BUSD', 'TUSD', 'USD', 'EUR', 'TRY', 'BTC', 'ETH', 'BNB']
const MAX_PAIRS = 4_096

/** The state of a market as far as a recording has been played: REST answers from it. */
export class PlaybackState {
  readonly #seen = new Map<string, Seen>()

  get pairs(): readonly Pair[] {
    return [...this.#seen.values()]
  }

  /** Takes note of a combined frame of a stream; only trades and book tickers tell the state. */
  see(stream: string, frame: string): void {
    const at = stream.indexOf('@')
    const channel = stream.slice(at)
    if (channel !== '@trade' && channel !== '@bookTicker') return
    const seen = this.#of(stream.slice(0, at).toUpperCase())
    if (seen === undefined) return
    if (channel === '@bookTicker') seen.book = frame
    else this.#trade(seen, frame)
  }

  snapshot(symbol: string, nowMs: number): Snapshot | undefined {
    const seen = this.#seen.get(symbol)
    if (seen === undefined) return undefined
    const { last, lastSize, lastId, time } = seen
    const day = seen.day.at(time)
    const book = readBook(seen.book)
    if (day === undefined) {
      const none = { open: 0n, high: 0n, low: 0n, prevClose: 0n, volume: 0n, turnover: 0n, firstId: -1, lastId: -1 }
      return { last, lastSize, ...book, ...none, openTime: nowMs, closeTime: nowMs, count: 0 }
    }
    const { open, high, low, prevClose, volume, turnover, firstId, count, openTime } = day
    const statistics = { open, high, low, prevClose, volume, turnover, firstId, count, openTime }
    return { last, lastSize, ...book, ...statistics, lastId, closeTime: time }
  }

  #of(symbol: string): Seen | undefined {
    let seen = this.#seen.get(symbol)
    if (seen === undefined && this.#seen.size < MAX_PAIRS) {
      const quote = QUOTES.find(asset => symbol.endsWith(asset) && symbol.length > asset.length) ?? ''
      const pair = { symbol, base: symbol.slice(0, symbol.length - quote.length), quote, tickSize: 1n, lotSize: 1n }
      seen = { ...pair, book: undefined, last: 0n, lastSize: 0n, lastId: -1, day: new RollingDay(), time: 0 }
      this.#seen.set(symbol, seen)
    }
    return seen
  }

  #trade(seen: Seen, frame: string): void {
    const { p, q, t, T } = dataOf(frame)
    if (typeof p !== 'string' || typeof q !== 'string' || typeof t !== 'number' || typeof T !== 'number') return
    seen.last = parseUnits(p)
    seen.lastSize = parseUnits(q)
    seen.lastId = t
    seen.time = Math.max(seen.time, T)
    seen.day.add(seen.time, seen.last, seen.lastSize, multiply(seen.last, seen.lastSize), t)
  }
}

function readBook(frame: string | undefined): Pick<Snapshot, 'bid' | 'bidSize' | 'ask' | 'askSize'> {
  const { b = '0', B = '0', a = '0', A = '0' } = frame === undefined ? {} : dataOf(frame)
  return {
    bid: parseUnits(String(b)),
    bidSize: parseUnits(String(B)),
    ask: parseUnits(String(a)),
    askSize: parseUnits(String(A))
  }
}

function dataOf(frame: string): Record<string, unknown> {
  const { data } = JSON.parse(frame) as { data?: Record<string, unknown> }
  return data ?? {}
}
