import { demoPairs } from './demo-pairs.ts'
import type { Market, PlaybackProgress, Publisher, Snapshot } from './market.ts'
import { bookTickerFrame, combined, miniTickerFrame, tickerFrame, tradeFrame } from './payloads.ts'
import { type Random, seededRandom } from './random.ts'
import { SyntheticPair } from './synthetic-pair.ts'

export interface SyntheticOptions {
  seed: number
  /** How many pairs; the first have well-known names. */
  pairs: number
  /** Events per second and pair outside bursts. */
  rate: number
  /** Milliseconds since the epoch. */
  now: () => number
}

/** Ids begin at the start's time, 100 per millisecond: they rise over restarts and stay within 15 digits until 2286. */
const IDS_PER_MS = 100
const PACE_MS = 20
/** A pause of the process is not made up for beyond this. */
const MAX_CATCH_UP_MS = 1_000
const TICKER_MS = 1_000
/** One event in this many begins a burst of up to {@link BURST_EVENTS}. */
const BURST_ODDS = 2_000
const BURST_EVENTS = 400
const EVENTS_PER_BURST_EVENT = 5

/**
 * A market that exists nowhere: seeded random walks with believable spreads and bursts. The sequence of events depends on the
 * seed and the number of pairs only; the clock gives their times and pace.
 */
export class SyntheticMarket implements Market {
  readonly kind = 'synthetic'
  readonly pairs: readonly SyntheticPair[]
  readonly #bySymbol: ReadonlyMap<string, SyntheticPair>
  readonly #options: SyntheticOptions
  readonly #random: Random
  #publisher: Publisher | undefined
  #timers: NodeJS.Timeout[] = []
  /** The pair in a burst, and how long it goes on. */
  #burst: SyntheticPair | undefined
  #burstLeft = 0
  #pacedUntil = 0

  constructor(options: SyntheticOptions) {
    const { seed, pairs, now } = options
    this.#options = options
    this.#random = seededRandom(seed)
    const start = now()
    this.pairs = demoPairs(pairs).map(
      (pair, index) => new SyntheticPair(pair, seededRandom(seed + index + 1), start, start * IDS_PER_MS)
    )
    this.#bySymbol = new Map(this.pairs.map(pair => [pair.symbol, pair]))
  }

  snapshot(symbol: string): Snapshot | undefined {
    return this.#bySymbol.get(symbol)?.snapshot(this.#options.now())
  }

  begin(publisher: Publisher): void {
    this.#publisher = publisher
    this.#pacedUntil = this.#options.now()
    this.#timers = [setInterval(() => this.#pace(), PACE_MS), setInterval(() => this.#publishTickers(), TICKER_MS)]
  }

  subscribed(): void {}

  play(): void {}

  progress(): PlaybackProgress | null {
    return null
  }

  /** One event of the market: changes a pair and publishes what changed. */
  step(): void {
    const now = this.#options.now()
    const pair = this.#choose()
    const step = pair.step(now, pair === this.#burst)
    const name = pair.symbol.toLowerCase()
    if (step === 'trade') this.#publish(`${name}@trade`, () => tradeFrame(pair, now))
    this.#publish(`${name}@bookTicker`, () => bookTickerFrame(pair))
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    this.#timers = []
  }

  #choose(): SyntheticPair {
    const pair = this.pairs[this.#random.below(this.pairs.length)]!
    if (this.#burstLeft > 0) {
      this.#burstLeft--
      return this.#burst!
    }
    this.#burst = undefined
    if (this.#random.below(BURST_ODDS) === 0) {
      this.#burst = pair
      this.#burstLeft = 1 + this.#random.below(BURST_EVENTS)
    }
    return pair
  }

  /** Makes the events that are due. In a burst they come faster. */
  #pace(): void {
    const now = this.#options.now()
    const perSecond = this.#options.rate * this.pairs.length
    this.#pacedUntil = Math.max(this.#pacedUntil, now - MAX_CATCH_UP_MS)
    let due = Math.floor(((now - this.#pacedUntil) * perSecond) / 1000)
    if (due === 0) return
    this.#pacedUntil += (due * 1000) / perSecond
    for (; due > 0; due--) {
      this.step()
      for (let extra = 1; extra < EVENTS_PER_BURST_EVENT && this.#burstLeft > 0; extra++) this.step()
    }
  }

  #publishTickers(): void {
    const now = this.#options.now()
    for (const pair of this.pairs) {
      const name = pair.symbol.toLowerCase()
      this.#publish(`${name}@ticker`, () => tickerFrame(pair.symbol, pair.snapshot(now)))
      this.#publish(`${name}@miniTicker`, () => miniTickerFrame(pair.symbol, pair.snapshot(now)))
    }
  }

  #publish(stream: string, data: () => object): void {
    if (this.#publisher?.wanted(stream)) this.#publisher.publish(stream, combined(stream, data()))
  }
}
