import { type ConsumerInfo, ErrorCode, headers, NatsError, type StreamInfo } from 'nats'
import { ackMeaning, type Fsync } from './ack-meaning.ts'
import type { HandOverOutcome, Place } from './hand-over.ts'
import { readNote } from './jetstream-consumer-note.ts'
import type { JetStreamConsumers } from './jetstream-consumers.ts'
import { transportError } from './jetstream-errors.ts'
import { EPOCH_HEADER, SEQUENCE_HEADER } from './jetstream-hand-over.ts'
import type { JetStreamLink } from './jetstream-link.ts'
import type { JetStreamLooks, Look } from './jetstream-looks.ts'
import type { JetStreamNames } from './jetstream-names.ts'
import { JetStreamRemoval } from './jetstream-removal.ts'
import type { JetStreamStreams } from './jetstream-streams.ts'
import { storedTime } from './stored-time.ts'
import type { GroupState, StoredEvent, StreamState } from './stream-control.ts'
import type { StreamSpec } from './stream-spec.ts'
import { TransportError } from './transport-error.ts'

/** A stream that is fuller than that is purged. */
const PURGE_FILL = 0.8
/** Where each is a request, so many events are removed in one go: more than come until the next. */
const MAX_SINGLY = 20_000
/** How long a group's handler may take with an event that was handed over. */
const HAND_OVER_MS = 30_000

export interface JetStreamControlOptions {
  link: JetStreamLink
  names: JetStreamNames
  streams: JetStreamStreams
  consumers: JetStreamConsumers
  looks: JetStreamLooks
  table: readonly StreamSpec[]
  fsync: Fsync
}

/** Reads, trims and repairs the table's streams in the server. */
export class JetStreamControl {
  readonly #link: JetStreamLink
  readonly #names: JetStreamNames
  readonly #streams: JetStreamStreams
  readonly #consumers: JetStreamConsumers
  readonly #looks: JetStreamLooks
  readonly #table: readonly StreamSpec[]
  readonly #fsync: Fsync
  readonly #removal: JetStreamRemoval

  constructor({ link, names, streams, consumers, looks, table, fsync }: JetStreamControlOptions) {
    this.#link = link
    this.#names = names
    this.#streams = streams
    this.#consumers = consumers
    this.#looks = looks
    this.#table = table
    this.#fsync = fsync
    this.#removal = new JetStreamRemoval(link, streams)
  }

  /** Those that can be read now. @throws TransportError when there is none. */
  async streams(): Promise<StreamState[]> {
    const { looks, refusal } = await this.#looks.possible(this.#table)
    if (looks.length === 0 && refusal !== undefined) throw refusal
    return looks.map(look => this.#state(look))
  }

  /**
   * See {@link StreamControl.makeRoom}. Work queues remove what is acknowledged by themselves. A stream that cannot be read, or where somebody
   * still misses something, is left as it is.
   */
  async makeRoom(): Promise<number> {
    let purged = 0
    const { looks } = await this.#looks.possible(this.#table.filter(({ retention }) => retention === 'limits'))
    for (const look of looks.filter(({ settled }) => settled)) {
      const { spec } = look
      const { bytes, firstSequence, groups } = this.#state(look)
      if (bytes < PURGE_FILL * spec.maxBytes || groups.length === 0) continue
      const floor = Math.min(...groups.map(({ ackFloor }) => ackFloor))
      const end = await this.#firstYounger(spec.name, firstSequence, floor + 1, (Date.now() - spec.keepMs) * 1_000)
      const upTo = this.#removal.isAtOnce ? end - 1 : Math.min(end - 1, firstSequence + MAX_SINGLY - 1)
      purged += await this.#removal.remove(this.#names.stream(spec), firstSequence, upTo)
    }
    return purged
  }

  async purge(stream: string, upTo: number): Promise<number> {
    const spec = this.#spec(stream)
    const { firstSequence, lastSequence } = this.#state(await this.#looks.one(spec))
    return this.#removal.remove(this.#names.stream(spec), firstSequence, Math.min(upTo, lastSequence))
  }

  /** @throws TransportError `unknown_stream`, `stream_refused`, `jetstream_unavailable`. */
  async setPaused(stream: string, group: string, paused: boolean): Promise<void> {
    const spec = this.#spec(stream)
    try {
      await this.#consumers.setPaused(spec, group, paused)
    } catch (error) {
      throw transportError(`group ${group} of stream ${stream}`, error)
    }
  }

  async next(stream: string, after: number): Promise<StoredEvent | undefined> {
    const name = this.#names.stream(this.#spec(stream))
    // Purged sequences at the beginning are stepped over at once; holes further on, made by hand, one by one.
    for (let sequence = after + 1; ; ) {
      const message = await this.#streams.message(name, sequence)
      const info = await this.#streams.info(name)
      if (message !== undefined) {
        const { data } = message
        const time = storedTime(message)
        const epoch = this.#streams.epochOf(info)
        return { sequence, epoch, time, data: Buffer.from(data.buffer, data.byteOffset, data.byteLength) }
      }
      if (sequence >= info.state.last_seq) return undefined
      sequence = Math.max(sequence + 1, info.state.first_seq)
    }
  }

  async sequenceBefore(stream: string, time: number): Promise<number> {
    const { firstSequence, lastSequence } = this.#state(await this.#looks.one(this.#spec(stream)))
    return (await this.#firstYounger(stream, firstSequence, lastSequence + 1, time)) - 1
  }

  async handOver(stream: string, group: string, data: Buffer, { epoch, sequence }: Place): Promise<HandOverOutcome> {
    const fields = headers()
    fields.set(EPOCH_HEADER, epoch)
    fields.set(SEQUENCE_HEADER, String(sequence))
    try {
      const subject = this.#names.handOverSubject(stream, group)
      const reply = await this.#link.connection.request(subject, data, { headers: fields, timeout: HAND_OVER_MS })
      return reply.json<HandOverOutcome>()
    } catch (error) {
      if (error instanceof NatsError && error.code === ErrorCode.NoResponders) return { kind: 'unhandled' }
      return { kind: 'failed', error: (error as Error).message, retryable: true }
    }
  }

  /** The first sequence from `from` to `to` whose event is not older than a time in microseconds, else `to`: a search by halves. */
  async #firstYounger(stream: string, from: number, to: number, time: number): Promise<number> {
    const name = this.#names.stream(this.#spec(stream))
    let [low, high] = [from, to]
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      const message = await this.#streams.message(name, middle)
      // What is gone meanwhile was older than all that is there.
      if (message === undefined || storedTime(message) < time) low = middle + 1
      else high = middle
    }
    return low
  }

  #state({ spec, info, durables }: Look): StreamState {
    const { state, config } = info
    const { version = '0.0.0' } = this.#link.connection.info ?? {}
    const storage = config.storage === 'memory' ? 'memory' : 'file'
    return {
      name: spec.name,
      epoch: this.#streams.epochOf(info),
      // Of an empty stream the server tells 0, or the sequence of what was last removed.
      firstSequence: state.messages === 0 ? state.last_seq + 1 : state.first_seq,
      lastSequence: state.last_seq,
      bytes: state.bytes,
      maxBytes: config.max_bytes,
      groups: durables.map(readGroup),
      ack: ackMeaning({ storage, replicas: copies(info), fsync: this.#fsync, serverVersion: version })
    }
  }

  #spec(stream: string): StreamSpec {
    const spec = this.#table.find(({ name }) => name === stream)
    if (spec === undefined) throw new TransportError('unknown_stream', unknownStream(this.#table, stream))
    return spec
  }
}

function unknownStream(streams: readonly StreamSpec[], got: string): string {
  return `expected one of ${streams.map(({ name }) => name).join(', ')}, got ${got}`
}

/** A server that is alone may have taken a table's replicas without a word. */
function copies({ config, cluster }: StreamInfo): number {
  return Math.min(config.num_replicas, 1 + (cluster?.replicas?.length ?? 0))
}

function readGroup(info: ConsumerInfo): GroupState {
  return {
    group: info.name,
    delivered: info.delivered.stream_seq,
    ackFloor: info.ack_floor.stream_seq,
    pending: info.num_pending + info.num_ack_pending,
    redelivered: info.num_redelivered,
    paused: readNote(info).paused
  }
}
