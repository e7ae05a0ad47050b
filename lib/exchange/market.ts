import type { Units } from './units.ts'

/** A pair that a market trades. */
export interface Pair {
  /** The venue's symbol, `BTCUSDT`. */
  readonly symbol: string
  readonly base: string
  readonly quote: string
  readonly tickSize: Units
  readonly lotSize: Units
}

/** What REST tells of a pair at one moment; a zero price is "none". Times in milliseconds. */
export interface Snapshot {
  last: Units
  lastSize: Units
  bid: Units
  bidSize: Units
  ask: Units
  askSize: Units
  open: Units
  high: Units
  low: Units
  prevClose: Units
  volume: Units
  turnover: Units
  openTime: number
  closeTime: number
  /** -1 without a trade. */
  firstId: number
  lastId: number
  count: number
}

/** Where a market's frames go. */
export interface Publisher {
  /** Whether anyone has subscribed to a stream, so that a frame nobody wants need not be built. */
  wanted(stream: string): boolean
  /** Sends a combined frame `{"stream":…,"data":…}` to the subscribers of its stream, verbatim. @returns how many they are. */
  publish(stream: string, frame: string): number
  /** Resolves when no subscriber has more than a bounded amount of data waiting. */
  drained(): Promise<void>
}

/** What an exchange trades, and how it moves. */
export interface Market {
  readonly kind: 'synthetic' | 'playback'
  readonly pairs: readonly Pair[]
  /** The pair's state now, or undefined for a symbol that the market does not have. */
  snapshot(symbol: string): Snapshot | undefined
  /** Begins to publish. Called once. */
  begin(publisher: Publisher): void
  /** Someone has subscribed to something. */
  subscribed(): void
  /** Begins a playback that waits for the word; no effect otherwise. */
  play(): void
  /** How far a playback is; null for a market without an end. */
  progress(): PlaybackProgress | null
  /** Stops publishing. Idempotent. */
  close(): Promise<void>
}

export interface PlaybackProgress {
  file: string
  state: 'waiting' | 'playing' | 'done' | 'failed'
  /** Frames of the recording so far, of which `sent` had a subscriber. */
  frames: number
  sent: number
  /** Lines that are no combined frame, e.g. the order book snapshots of some recordings. */
  skipped: number
  /** Per stream of the recording. */
  streams: Record<string, { frames: number; sent: number }>
  error: string | null
}
