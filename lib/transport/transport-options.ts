import type { Fsync } from './ack-meaning.ts'
import type { PayloadCodecs } from './payload-codec.ts'
import { type StreamSpec, tableProblems } from './stream-spec.ts'

/** What a transporter of this folder can be told. Times in milliseconds. */
export interface TransportOptions {
  /** The stream table. */
  streams: readonly StreamSpec[]
  /** How the payloads of durable events are stored; by the broker's serializer where nothing is given. */
  codecs: PayloadCodecs
  /** What is stated of the servers; it changes nothing but what is told about an acknowledgement. */
  fsync: Fsync
  /** An event that is not confirmed by then is rejected. */
  publishDeadlineMs: number
  /** One attempt to publish; the next one follows under the same message id. */
  publishAttemptMs: number
  /** Publishes of this node that wait for their confirmation, at the most. */
  maxPublishing: number
  /** Their encoded bytes, at the most. */
  maxPublishingBytes: number
  /** All of draining at stop. */
  stopBudgetMs: number
  /** The pause before a failed event comes again: doubled with every delivery, up to the cap. */
  retryBaseMs: number
  retryCapMs: number
  /** A server that is silent for two and a half of these while we wait for events is asked again. */
  heartbeatMs: number
  /** In memory: the bytes of one stream at the most, or the table's `maxBytes` where that is less. */
  memoryBytes: number
  /** In memory: the folder of the dead letters; without it they end with the process. A server keeps them in a stream. */
  deadLetterDir?: string
  /** In memory: the bytes of one event. A server tells its own limit. */
  memoryPayloadBytes: number
}

export const TRANSPORT_DEFAULTS = {
  codecs: {},
  fsync: 'interval',
  publishDeadlineMs: 20_000,
  publishAttemptMs: 2_000,
  maxPublishing: 10_000,
  maxPublishingBytes: 64 * 1024 ** 2,
  stopBudgetMs: 2_500,
  retryBaseMs: 200,
  retryCapMs: 10_000,
  heartbeatMs: 2_000,
  memoryBytes: 64 * 1024 ** 2,
  memoryPayloadBytes: 1024 ** 2
} as const satisfies Omit<TransportOptions, 'streams'>

/** What has to be given, and what may be. */
export type GivenOptions = Pick<TransportOptions, 'streams'> & Partial<TransportOptions>

/** Defaults and the given options, frozen. @throws RangeError with everything that is wrong with the stream table. */
export function transportOptions(given: GivenOptions): TransportOptions {
  const options = { ...TRANSPORT_DEFAULTS, ...given }
  const problems = tableProblems(options.streams)
  if (problems.length > 0) throw new RangeError(problems.join('; '))
  return Object.freeze(options)
}
