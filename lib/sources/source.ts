import type { Instrument } from '../instruments/instrument-store.ts'
import type { Micros, Quote } from '../quote/quote.ts'

/**
 * A venue: what it offers and how its payloads are read. Everything here is pure: no socket, no clock, no state. The fetcher
 * and the feed are generic and drive it.
 */
export interface Source {
  /** The kind of source that the configuration names, e.g. `binance`. */
  readonly name: string
  readonly rest?: RestSource
  readonly stream?: StreamSource
  /** The venue's own symbol of a key, as requests need it. @throws SourceError `unsupported_key` for a key of another venue or type. */
  symbolOf(key: string): string
}

/** What a source can be asked for over HTTP. */
export interface RestSource {
  readonly channels: readonly string[]
  /** The default base URL, without a trailing slash. */
  readonly baseUrl: string
  readonly limits: readonly RateLimit[]
  /** One honest User-Agent is used unless the configuration brings identities. */
  readonly headers?: Readonly<Record<string, string>>
  /** The requests that fetch `channel` for these keys: as few as the venue's limits allow. */
  plan(channel: string, keys: readonly string[]): RestCall[]
  /** Reads a response body. Never throws: what cannot be read is an outcome. */
  mapResponse(call: RestCall, response: RestResponse, seen: Observation): Mapping
}

/** A published limit of a venue, counted per egress address in windows aligned to the clock. */
export interface RateLimit {
  name: string
  limit: number
  windowMs: number
  /** The response header that tells the use so far, in lower case. */
  usedHeader?: string
}

export interface RestCall {
  channel: string
  /** Path and query, beginning with a slash. */
  path: string
  /** What the call costs of each of the source's limits, by the limit's name. */
  cost: Readonly<Record<string, number>>
  keys: readonly string[]
}

export interface RestResponse {
  status: number
  /** Names in lower case. */
  headers: Readonly<Record<string, string | string[] | undefined>>
  body: string
}

/** What a source pushes over a WebSocket. */
export interface StreamSource {
  readonly channels: readonly string[]
  /** The default base URL, without a path. */
  readonly baseUrl: string
  /** Where under the base URL a feed connects, beginning with a slash. */
  readonly path: string
  /** At most this many subscriptions on one connection. */
  readonly maxStreams: number
  /** At least this long between two client messages on one connection, in milliseconds. */
  readonly messageIntervalMs: number
  /** The client messages that subscribe to these channels of these keys; `nextId` numbers them. */
  subscribe(channels: readonly string[], keys: readonly string[], nextId: () => number): string[]
  /** Reads one text frame. Never throws: what cannot be read is an outcome. */
  mapFrame(frame: string, seen: Observation): Mapping
}

/** The circumstances of a payload; a mapper copies them into the quotes it makes. */
export interface Observation {
  /** The source's name in the configuration. */
  provider: string
  receivedTime: Micros
  observedTime: Micros
  /** The scheduled slot of a REST fetch, else null. */
  slot: Micros | null
  egress: string | null
  /** Identifies the connection, for channels whose updates carry nothing to recognise them by. */
  connection: string
  /** Numbers the updates of `connection`. */
  nextCounter: () => number
  /** The key of a venue's symbol, or undefined for one that was not asked for. */
  keyOf: (venueSymbol: string) => string | undefined
}

/** What a payload turned out to be. Everything is counted by `kind` and `reason`; nothing is skipped in silence. */
export type Mapping =
  /** Quotes, and the entries of the payload that could not become one. */
  | { kind: 'quotes'; quotes: Quote[]; refused: Refusal[] }
  | { kind: 'instruments'; instruments: Instrument[]; refused: Refusal[] }
  /** Known and of no use here: an acknowledgement, another channel. */
  | { kind: 'ignored'; reason: string }
  /** The venue refused: a subscription error, an error body, a rate limit. */
  | { kind: 'error'; code: SourceErrorCode; message: string; retryAfterMs?: number; symbol?: string }
  /** The venue is about to close the connection. */
  | { kind: 'shutdown' }
  /** Not a payload of this venue. */
  | { kind: 'unreadable'; reason: string; sample: string }

/** One entry of a payload that was not taken. */
export interface Refusal {
  code: 'unknown_symbol' | 'bad_value' | 'missing_field'
  symbol: string | null
  detail: string
}

/** Why a venue or its payload was no use: a closed list. */
export const SOURCE_ERRORS = [
  'throttled',
  'banned',
  'bad_symbol',
  'bad_request',
  'unavailable',
  'unreadable',
  'unsupported_key',
  'unsupported_channel',
  'unknown_source'
] as const
export type SourceErrorCode = (typeof SOURCE_ERRORS)[number]

export class SourceError extends Error {
  readonly code: SourceErrorCode

  constructor(code: SourceErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'SourceError'
    this.code = code
  }
}
