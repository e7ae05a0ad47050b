import type { Broken } from '../kit/continuity.ts'
import type { DialectName } from './dialects.ts'
import type { Load } from './loads.ts'

/**
 * How quotes come to the server under test. `updates`: batches of quote records, and the server decides when a client gets what.
 * `quotes`: one text per quote. `ticks`: one text with all quotes of a client's tick, so that the server only has to fan it out.
 */
export type Form = 'updates' | 'quotes' | 'ticks'

/** The topic of what all clients want. */
export const ALL = 'all'

/** What the process with the clients is told. */
export interface CrowdTask {
  load: Load
  form: Form
  dialect: DialectName
  port: number
  /** By the shared clock, when the clock of a server with ticks of its own was 0; null for other servers. */
  originMicros: number | null
  /** Whether those that read check by `q` and `p` that nothing is missing, and all say now and then that they live. */
  checked: boolean
}

/** How the publishing process reaches the server under test. */
export type OutletName = 'feed' | 'nats' | 'nchan'

export interface PublisherTask {
  load: Load
  form: Form
  outlet: OutletName
  port: number
}

/** What a client received between two calls of the crowd, added up over all. */
export interface Received {
  ms: number
  quotes: number
  bytes: number
  quotesPerFrame: number
  /** Milliseconds from when a frame was due, or from when its quote was published where frames have no due time. */
  late: Percentiles
  /** Milliseconds from when a quote was published. */
  age: Percentiles
  /** Milliseconds between the first and the last client that got a quote; null where none was seen to reach all that should. */
  skew: Percentiles | null
  /** Where that is checked: rows that told of a loss or came twice. */
  broken: Broken
}

export interface Percentiles {
  p50: number
  p99: number
  p999: number
}
