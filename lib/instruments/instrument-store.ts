import type { Decimal } from '../quote/decimal.ts'
import type { QuoteStatus } from '../quote/quote.ts'

/** What is known of an instrument besides its quotes. Null is "the source does not say". */
export interface Instrument {
  /** `venue:type:symbol`. */
  key: string
  /** The venue's own symbol, as its API takes it (`BTCUSDT`). */
  venueSymbol: string
  name: string | null
  base: string | null
  /** The currency that prices are in. */
  currency: string | null
  /** The smallest price step. */
  tickSize: Decimal | null
  /** The smallest quantity step, base units or shares. */
  lotSize: Decimal | null
  /** Base units or shares per contract or lot. */
  multiplier: Decimal | null
  /** The name of the trading calendar, e.g. `24x7`, `XSHG`. */
  calendar: string | null
  status: QuoteStatus
}

/**
 * The catalogue of instruments, filled by sources.
 *
 * `upsert` is idempotent and keeps one record per key, the last one given. `search` matches key, name and venue symbol without
 * regard to case; an empty text matches all. Results are ordered by key. An unknown key is absent from `get`, not an error.
 */
export interface InstrumentStore {
  upsert(instruments: readonly Instrument[]): Promise<void>
  get(keys: readonly string[]): Promise<Instrument[]>
  search(text: string, limit: number): Promise<Instrument[]>
  close(): Promise<void>
}
