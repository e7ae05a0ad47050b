import type { Instrument } from '../instruments/instrument-store.ts'
import type { Micros, Quote } from './quote.ts'

/**
 * The events between services: name, payload and runtime schema in one place. `emit` and `on` of `services/` bind them to
 * Moleculer, so that a typo or a wrong payload is a compile error.
 */
export interface Events {
  /** scheduler -> one fetcher. Work queue; the message id is `job@slot`, so that a slot is fetched once whoever schedules it. */
  'fetch.due': FetchDue
  /** fetcher -> every scheduler: how a slot ended. Broadcast. */
  'fetch.done': FetchDone
  /** anyone -> scheduler: please fetch this key. Broadcast. */
  'fetch.wanted': { key: string; reason: string }
  /** fetcher, feed -> storage, latest, relay, every gateway. Durable, at least once. */
  'quotes.received': QuotesReceived
  /** sources -> all. Broadcast, at most 1000 instruments each. */
  'instruments.updated': { source: string; instruments: Instrument[] }
  /** feed, fetcher -> all: a source or some of its instruments changed state. Broadcast. */
  'source.status': SourceStatus
  /** buffer -> scheduler, gateway: how far a consumer group is behind. Broadcast at every change, and again while it lasts. */
  'buffer.pressure': BufferPressure
}

/** A level other than `none` is told again so often; who has not heard it for three times as long takes it as over. */
export const PRESSURE_REPEAT_MS = 5_000

export interface BufferPressure {
  stream: string
  group: string
  /** Stored events that the group has not acknowledged. */
  lag: number
  level: PressureLevel
}

export const PRESSURE_LEVELS = ['none', 'warn', 'high'] as const
export type PressureLevel = (typeof PRESSURE_LEVELS)[number]

export interface FetchRequest {
  /** The source's name for the endpoint (`bookTicker`). */
  channel: string
  /** Instrument keys; empty for a channel that is not about instruments. */
  keys: string[]
}

export interface FetchDue {
  job: string
  source: string
  request: FetchRequest
  /** The due time; with `job` it identifies the fetch. */
  slot: Micros
  /** A fetch that has not begun by then is counted as late and dropped. */
  deadline: Micros
}

export const FETCH_OUTCOMES = ['done', 'late', 'failed'] as const
export type FetchOutcome = (typeof FETCH_OUTCOMES)[number]

export interface FetchDone {
  job: string
  slot: Micros
  outcome: FetchOutcome
  /** Why it failed: a code of the egress or of the source; null when done. */
  reason: string | null
  counts: { quotes: number; refused: number; attempts: number }
  /** Microseconds from the slot to the begin and to the end of the fetch. */
  timings: { begin: number; end: number }
  egress: string | null
  node: string
}

export interface QuotesReceived {
  source: string
  /** Present for a scheduled fetch. */
  slot?: Micros
  /** 1 to 4096. */
  quotes: Quote[]
}

export const SOURCE_STATES = ['ok', 'stale', 'halted', 'closed', 'down'] as const
export type SourceState = (typeof SOURCE_STATES)[number]

export interface SourceStatus {
  scope: 'source' | 'instrument'
  /** `<source>/rest` or `<source>/stream` (see {@link sourceWay}), or an instrument's key. */
  id: string
  state: SourceState
  since: Micros
  reason: string | null
}

/** The id of one way to a source: each has its own observer, and one may be down while the other answers. */
export function sourceWay(source: string, way: 'rest' | 'stream'): string {
  return `${source}/${way}`
}

/** Schemas in the notation of Moleculer's validator; unknown properties pass. */
export const EVENT_PARAMS = {
  'fetch.due': {
    job: 'string|empty:false',
    source: 'string|empty:false',
    request: { type: 'object', props: { channel: 'string|empty:false', keys: 'string[]' } },
    slot: 'number|integer',
    deadline: 'number|integer'
  },
  'fetch.done': { job: 'string', slot: 'number|integer', outcome: { type: 'enum', values: [...FETCH_OUTCOMES] } },
  'fetch.wanted': { key: 'string|empty:false', reason: 'string' },
  'quotes.received': {
    source: 'string|empty:false',
    slot: 'number|integer|optional',
    quotes: { type: 'array', min: 1, max: 4096 }
  },
  'instruments.updated': { source: 'string|empty:false', instruments: { type: 'array', max: 1000 } },
  'source.status': {
    scope: { type: 'enum', values: ['source', 'instrument'] },
    id: 'string',
    state: { type: 'enum', values: [...SOURCE_STATES] }
  },
  'buffer.pressure': {
    stream: 'string',
    group: 'string',
    lag: 'number',
    level: { type: 'enum', values: [...PRESSURE_LEVELS] }
  }
} as const satisfies Record<keyof Events, Record<string, unknown>>

/** The message id of a due slot: a second scheduler's tick for the same slot is dropped by the stream. */
export function slotMessageId(due: Pick<FetchDue, 'job' | 'slot'>): string {
  return `${due.job}@${due.slot}`
}
