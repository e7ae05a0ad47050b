/** Trades of one hour, in the units of who adds them. */
interface Hour {
  readonly hour: number
  open: bigint
  high: bigint
  low: bigint
  close: bigint
  volume: bigint
  turnover: bigint
  firstId: number
  count: number
}

/** `prevClose` is the price of the trade before the window, 0 when there was none. */
export type DayStatistics = Omit<Hour, 'hour'> & { prevClose: bigint; openTime: number }

const HOUR_MS = 3_600_000
const HOURS = 24

/** Statistics of the last 24 hours. The window moves by whole hours, so that it costs 25 records and no history. */
export class RollingDay {
  /** In time's order, at most {@link HOURS} + 1. */
  readonly #hours: Hour[] = []
  #prevClose = 0n

  /** Counts a trade. Times may not fall. */
  add(timeMs: number, price: bigint, size: bigint, turnover: bigint, tradeId: number): void {
    const hour = Math.floor(timeMs / HOUR_MS)
    let current = this.#hours.at(-1)
    if (current === undefined || current.hour < hour) {
      const prices = { open: price, high: price, low: price, close: price }
      current = { hour, ...prices, volume: 0n, turnover: 0n, firstId: tradeId, count: 0 }
      this.#hours.push(current)
    }
    if (price > current.high) current.high = price
    if (price < current.low) current.low = price
    current.close = price
    current.volume += size
    current.turnover += turnover
    current.count++
  }

  /** The window that ends at `nowMs`, or undefined without a trade in it. */
  at(nowMs: number): DayStatistics | undefined {
    const oldest = Math.floor(nowMs / HOUR_MS) - HOURS
    while (this.#hours[0] !== undefined && this.#hours[0].hour < oldest) {
      this.#prevClose = this.#hours[0].close
      this.#hours.shift()
    }
    const [first, ...rest] = this.#hours
    if (first === undefined) return undefined
    const day = { ...first, prevClose: this.#prevClose, openTime: nowMs - HOURS * HOUR_MS }
    for (const hour of rest) {
      day.close = hour.close
      if (hour.high > day.high) day.high = hour.high
      if (hour.low < day.low) day.low = hour.low
      day.volume += hour.volume
      day.turnover += hour.turnover
      day.count += hour.count
    }
    return day
  }
}
