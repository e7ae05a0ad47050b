import type { ServiceBroker } from 'moleculer'
import type { DeadLetterPage } from './dead-letter.ts'
import type { TransportCounters } from './transport-counters.ts'
import { TransportError } from './transport-error.ts'

/** A stream and its durable groups, as they are now. */
export interface StreamState {
  name: string
  /** Names the incarnation of the stream. */
  epoch: string
  /** The sequence of the oldest stored event; one above the last when nothing is stored. */
  firstSequence: number
  lastSequence: number
  bytes: number
  /** The bytes at which publishing is refused. */
  maxBytes: number
  groups: GroupState[]
}

export interface GroupState {
  group: string
  /** The greatest sequence that was ever handed to a handler. */
  delivered: number
  /** Everything up to this sequence is acknowledged. */
  ackFloor: number
  /** Stored events that are not acknowledged: the lag. */
  pending: number
  /** Events under way that come for a second or later time. */
  redelivered: number
}

/** The streams behind a transporter, for who watches and repairs them. Sequences of different epochs do not compare. */
export interface StreamControl {
  /** Creates what the table names and is missing. Idempotent. @throws TransportError `stream_refused`. */
  ensureStreams(): Promise<void>
  /** In the order of the table. */
  streams(): Promise<StreamState[]>
  /** Removes from streams that are filled beyond 80 % what all groups have acknowledged and `keepMs` does not hold. @returns how many events. */
  makeRoom(): Promise<number>
  /** Dead letters with a greater number than `after`, oldest first, at most `limit` (bounded by 100). */
  deadLetters(after: number, limit: number): Promise<DeadLetterPage>
  /** What this node's transporter did. */
  counters(): TransportCounters
}

/** What the middleware needs of a transporter of this folder. */
export interface StreamTransport {
  readonly control: StreamControl
  /** The durable groups of an event, or undefined for a plain event. */
  groupsOf(event: string): readonly string[] | undefined
  /** From now on the local handlers of durable events are served. */
  startConsuming(): void
  /** Takes in nothing more, waits for what runs, bounded by the stop budget. Idempotent. */
  drain(): Promise<void>
}

/** The transporter of a broker, if it is one of this folder. */
export function streamTransportOf(broker: ServiceBroker): StreamTransport | undefined {
  const transporter: unknown = broker.transit?.tx
  return isStreamTransport(transporter) ? transporter : undefined
}

/** The control of a broker's streams. @throws TransportError `bad_broker_options` when its transporter has none. */
export function streamControlOf(broker: ServiceBroker): StreamControl {
  const transport = streamTransportOf(broker)
  if (transport === undefined) {
    throw new TransportError('bad_broker_options', 'expected a transporter of createTransport, got another or none')
  }
  return transport.control
}

function isStreamTransport(value: unknown): value is StreamTransport {
  return typeof value === 'object' && value !== null && 'startConsuming' in value && 'control' in value
}
