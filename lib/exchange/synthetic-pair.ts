import type { DemoPair } from './demo-pairs.ts'
import type { Pair, Snapshot } from './market.ts'
import type { Random } from './random.ts'
import { RollingDay } from './rolling-day.ts'
import { multiply, type Units } from './units.ts'

/** What a step did to a pair. */
export type Step = 'book' | 'trade'

const UNIT_DECIMALS = 8
const HOUR_MS = 3_600_000
/** Past hours that a market begins with. */
const PAST_HOURS = 24
const TRADES_PER_PAST_HOUR = 6

/** One pair of the synthetic market: best bid and offer and the last trade, all in whole ticks and lots. */
export class SyntheticPair implements Pair {
  readonly symbol: string
  readonly base: string
  readonly quote: string
  readonly tickSize: Units
  readonly lotSize: Units
  updateId: number
  tradeId: number
  /** Whether the last trade's buyer was waiting in the book. */
  buyerWasMaker = false
  readonly #demo: DemoPair
  readonly #random: Random
  readonly #day = new RollingDay()
  /** A usual move in ticks: half a basis point of the first price. */
  readonly #stride: number
  #bid: number
  #ask: number
  #bidLots: number
  #askLots: number
  #last: number
  #lastLots = 0

  /** `firstId` is where update and trade ids begin; a later start must give a greater one. */
  constructor(demo: DemoPair, random: Random, nowMs: number, firstId: number) {
    this.symbol = demo.base + demo.quote
    this.base = demo.base
    this.quote = demo.quote
    this.tickSize = 10n ** BigInt(UNIT_DECIMALS - demo.tickDecimals)
    this.lotSize = 10n ** BigInt(UNIT_DECIMALS - demo.lotDecimals)
    this.updateId = firstId
    this.tradeId = firstId
    this.#demo = demo
    this.#random = random
    this.#stride = Math.max(1, Math.floor(demo.ticks / 20_000))
    this.#bid = demo.ticks
    this.#ask = demo.ticks + 1
    this.#bidLots = this.#order()
    this.#askLots = this.#order()
    this.#last = this.#bid
    this.#tradeThroughThePast(nowMs)
  }

  /** Moves the pair by one event. `rough` makes moves and trades larger. */
  step(nowMs: number, rough: boolean): Step {
    const dice = this.#random.below(16)
    this.updateId++
    if (dice < 9) this.#changeSize()
    else if (dice < 12) this.#move(rough ? 8 : 1)
    else {
      this.#trade(nowMs, rough)
      return 'trade'
    }
    return 'book'
  }

  get bid(): Units {
    return BigInt(this.#bid) * this.tickSize
  }

  get bidSize(): Units {
    return BigInt(this.#bidLots) * this.lotSize
  }

  get ask(): Units {
    return BigInt(this.#ask) * this.tickSize
  }

  get askSize(): Units {
    return BigInt(this.#askLots) * this.lotSize
  }

  get last(): Units {
    return BigInt(this.#last) * this.tickSize
  }

  get lastSize(): Units {
    return BigInt(this.#lastLots) * this.lotSize
  }

  snapshot(nowMs: number): Snapshot {
    const { bid, bidSize, ask, askSize, last, lastSize } = this
    const now = { last, lastSize, bid, bidSize, ask, askSize, closeTime: nowMs }
    const day = this.#day.at(nowMs)
    if (day === undefined) {
      const none = { open: 0n, high: 0n, low: 0n, prevClose: last, volume: 0n, turnover: 0n, firstId: -1, lastId: -1 }
      return { ...now, ...none, openTime: nowMs - PAST_HOURS * HOUR_MS, count: 0 }
    }
    const { open, high, low, prevClose, volume, turnover, openTime, firstId, count } = day
    return { ...now, open, high, low, prevClose, volume, turnover, openTime, firstId, lastId: this.tradeId, count }
  }

  #order(): number {
    return 1 + this.#random.below(this.#demo.lots)
  }

  #changeSize(): void {
    if (this.#random.below(2) === 0) this.#bidLots = this.#order()
    else this.#askLots = this.#order()
  }

  /** A random walk that is drawn back when it has left half to double of the first price. */
  #move(scale: number): void {
    const { ticks } = this.#demo
    let move = (1 + this.#random.below(this.#stride)) * scale
    if (this.#random.below(2) === 0) move = -move
    if (this.#bid * 2 < ticks) move = Math.abs(move)
    if (this.#bid > ticks * 2) move = -Math.abs(move)
    // Mostly one tick between bid and offer, as in a liquid market.
    const spread = this.#random.below(8) === 0 ? 2 + this.#random.below(this.#stride + 2) : 1
    this.#bid = Math.max(1, this.#bid + move)
    this.#ask = this.#bid + spread
    this.#bidLots = this.#order()
    this.#askLots = this.#order()
  }

  #trade(nowMs: number, rough: boolean): void {
    this.buyerWasMaker = this.#random.below(2) === 0
    const standing = this.buyerWasMaker ? this.#bidLots : this.#askLots
    const lots = Math.min(standing, rough ? this.#order() : 1 + this.#random.below(Math.ceil(this.#demo.lots / 20)))
    this.#last = this.buyerWasMaker ? this.#bid : this.#ask
    this.#lastLots = lots
    this.#count(nowMs)
    if (this.buyerWasMaker) {
      this.#bidLots -= lots
      if (this.#bidLots === 0) this.#bid = Math.max(1, this.#bid - 1)
      if (this.#bidLots === 0) this.#bidLots = this.#order()
    } else {
      this.#askLots -= lots
      if (this.#askLots === 0) this.#ask++
      if (this.#askLots === 0) this.#askLots = this.#order()
    }
  }

  #count(timeMs: number): void {
    this.tradeId++
    this.#day.add(timeMs, this.last, this.lastSize, multiply(this.last, this.lastSize), this.tradeId)
  }

  #tradeThroughThePast(nowMs: number): void {
    for (let trade = PAST_HOURS * TRADES_PER_PAST_HOUR; trade > 0; trade--) {
      this.#move(8)
      this.#trade(nowMs - Math.floor((trade * HOUR_MS) / TRADES_PER_PAST_HOUR), true)
    }
  }
}
