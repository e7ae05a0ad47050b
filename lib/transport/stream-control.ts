import type { ServiceBroker } from 'moleculer'
import type { AckMeaning } from './ack-meaning.ts'
import type { DeadLetter, DeadLetterPage } from './dead-letter.ts'
import type { HandOverOutcome, Place } from './hand-over.ts'
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
  /** All durable groups that the stream has, those of other nodes' tables as well. */
  groups: GroupState[]
  /** What a confirmed event outlives. */
  ack: AckMeaning
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
  /** Nothing is handed to its handlers until it is resumed. */
  paused: boolean
}

/** An event as it is stored. */
export interface StoredEvent {
  sequence: number
  /** Told after the event was read: who knew the same epoch before knows that the event is of it. */
  epoch: string
  /** Microseconds since the Unix epoch, when it was stored. */
  time: number
  /** The encoded packet. */
  data: Buffer
}

/** The streams behind a transporter, for who watches and repairs them. Sequences of different epochs do not compare. */
export interface StreamControl {
  /** Creates what the table names and is missing. Idempotent. @throws TransportError `stream_refused`. */
  ensureStreams(): Promise<void>
  /**
   * In the order of the table, without those that cannot be read now; it throws when none can. A stream that went back in time gets
   * a new epoch, and its groups are set right.
   */
  streams(): Promise<StreamState[]>
  /** Removes from streams that are filled beyond 80 % what all groups have acknowledged and `keepMs` does not hold. @returns how many events. */
  makeRoom(): Promise<number>
  /** Removes everything up to a sequence, or to the last, acknowledged or not. @returns how many events. */
  purge(stream: string, upTo: number): Promise<number>
  /** Pauses a group or resumes it, on every node and also on those that start later. */
  setPaused(stream: string, group: string, paused: boolean): Promise<void>
  /** The first stored event behind a sequence, or undefined. */
  next(stream: string, after: number): Promise<StoredEvent | undefined>
  /** The sequence behind which the events begin that were stored at a time, in microseconds, or later. */
  sequenceBefore(stream: string, time: number): Promise<number>
  /** Has one encoded event handled by one group, wherever it runs, besides the stream. */
  handOver(stream: string, group: string, data: Buffer, place: Place): Promise<HandOverOutcome>
  /** The payload and name of an encoded event. @throws for bytes that are none. */
  decode(data: Buffer): { event: string; payload: unknown }
  readonly deadLetters: DeadLetters
  /** What this node's transporter did. */
  counters(): TransportCounters
}

/** The events that groups gave up, oldest first. */
export interface DeadLetters {
  /** Those with a greater number than `after`, at most `limit` (bounded by 100). */
  page(after: number, limit: number): Promise<DeadLetterPage>
  /** One with its encoded event, or undefined when it is not there. */
  read(number: number): Promise<{ letter: DeadLetter; data: Buffer } | undefined>
  /** @returns whether it was there. */
  remove(number: number): Promise<boolean>
}

/**
 * A transporter of durable events, as far as the middleware needs it. What all of them promise:
 *
 * - **Stored**: an emit resolves when the stream holds the event; a message id is stored once within the duplicate window. Publishers
 *   that wait for an answer or for room are bounded, and so is everything that waits here.
 * - **At least once** to every group of the table, until a handler has ended well, or the event is a dead letter that is kept.
 *   `maxAgeMs`, `discard: old` and a purge by hand are the only other ends; in memory also the process's, for what `drain` did not finish.
 * - **Order**: none between the events of a durable group, not even of one key: up to `concurrency` handlers run at once on each node,
 *   and what failed comes later. Its handlers are idempotent and free of order (a row by its id, a merge that is a maximum). A
 *   reader outside the table gets one event after the other in the order of the stream; the sequence tells anybody what came first.
 * - **Failure of one is nobody else's**: a group that is slow, fails or waits for its database holds up no other group and no reader,
 *   and takes no more than `maxAckPending` events out of the stream. Its backlog is in the stream until that is full (in memory
 *   `memoryBytes`). Then publishers wait until their deadline and are refused with `stream_full`, before anything that
 *   was confirmed is given up; readers get nothing new then, because nothing new is stored. That is the back-pressure that fetchers
 *   and feeds feel, and `buffer.pressure` tells of it long before.
 */
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
