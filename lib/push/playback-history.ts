import type { Pattern } from '../instruments/key-pattern.ts'
import type { Micros, Quote } from '../quote/quote.ts'

/** A part of one instrument's history, by observed time, then id. */
export interface PageQuery {
  readonly key: string
  /** Inclusive. */
  readonly from: Micros
  /** Exclusive. */
  readonly to: Micros
  /** The last quote of the page before. */
  readonly after?: { readonly observedTime: Micros; readonly id: string }
  readonly limit: number
}

/** What is stored, as far as playing it needs that. Every method may reject, and is then asked again. */
export interface PlaybackHistory {
  /** The first quotes of a part behind `after`, each once over all pages; at least one unless the page is the last. */
  page(query: PageQuery): Promise<{ readonly quotes: readonly Quote[]; readonly isLast: boolean }>
  /**
   * The newest quote of every channel of at most {@link AS_OF_KEYS} instruments, `since` inclusive, `before` exclusive: of the first
   * `answered` of them, at least one, as many as one answer holds.
   */
  asOf(query: {
    readonly keys: readonly string[]
    readonly since: Micros
    readonly before: Micros
  }): Promise<{ readonly quotes: readonly Quote[]; readonly answered: number }>
  /** Instruments that match; `next` continues them, null when these were the last. A page may be empty and not the last. */
  keys(query: {
    readonly patterns: readonly Pattern[]
    readonly after: string | null
    readonly limit: number
  }): Promise<{ readonly keys: readonly string[]; readonly next: string | null }>
}

/** Instruments of one question for a moment. */
export const AS_OF_KEYS = 100
