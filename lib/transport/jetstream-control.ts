import { type ConsumerInfo, Empty, ErrorCode, headers, NatsError, type StreamInfo } from 'nats'
import { ackMeaning, type Fsync } from './ack-meaning.ts'
import type { HandOverOutcome, Place } from './hand-over.ts'
import { isPaused, type JetStreamConsumers, PAUSED } from './jetstream-consumers.ts'
import { EPOCH_HEADER, SEQUENCE_HEADER } from './jetstream-hand-over.ts'
import type { JetStreamLink } from './jetstream-link.ts'
import type { JetStreamNames } from './jetstream-names.ts'
import type { JetStreamStreams } from './jetstream-streams.ts'
import type { GroupState, StoredEvent, StreamState } from './stream-control.ts'
import type { StreamSpec } from './stream-spec.ts'
import { TransportError } from './transport-error.ts'

/** A stream that is fuller than that is purged. */
const PURGE_FILL = 0.8
/** How long a group's handler may take with an event that was handed over. */
const HAND_OVER_MS = 30_000

export interface JetStreamControlOptions {
  link: JetStreamLink
  names: JetStreamNames
  streams: JetStreamStreams
  consumers: JetStreamConsumers
  table: readonly StreamSpec[]
  fsync: Fsync
}

/** Reads, trims and repairs the table's streams in the server. */
export class JetStreamControl {
  readonly #link: JetStreamLink
  readonly #names: JetStreamNames
  readonly #streams: JetStreamStreams
  readonly #consumers: JetStreamConsumers
  readonly #table: readonly StreamSpec[]
  readonly #fsync: Fsync
  /** The last look at each stream. */
  readonly #seen = new Map<string, { epoch: string; lastSequence: number }>()

  constructor({ link, names, streams, consumers, table, fsync }: JetStreamControlOptions) {
    this.#link = link
    this.#names = names
    this.#streams = streams
    this.#consumers = consumers
    this.#table = table
    this.#fsync = fsync
  }

  async streams(): Promise<StreamState[]> {
    for (const spec of this.#table) await this.#noticeSetBack(spec)
    return Promise.all(this.#table.map(spec => this.#stream(spec)))
  }

  /** See {@link StreamControl.makeRoom}. Work queues remove what is acknowledged by themselves. */
  async makeRoom(): Promise<number> {
    let purged = 0
    for (const spec of this.#table) {
      if (spec.retention !== 'limits') continue
      const { bytes, firstSequence, groups } = await this.#stream(spec)
      if (bytes < PURGE_FILL * spec.maxBytes || groups.length === 0) continue
      const floor = Math.min(...groups.map(({ ackFloor }) => ackFloor))
      const end = await this.#firstYounger(spec.name, firstSequence, floor + 1, Date.now() - spec.keepMs)
      if (end > firstSequence) purged += await this.purge(spec.name, end - 1)
    }
    return purged
  }

  async purge(stream: string, upTo: number): Promise<number> {
    const { purged } = await this.#link.manager.streams.purge(this.#names.stream(this.#spec(stream)), { seq: upTo + 1 })
    return purged
  }

  async setPaused(stream: string, group: string, paused: boolean): Promise<void> {
    const { consumers } = this.#link.manager
    await consumers.update(this.#names.stream(this.#spec(stream)), this.#names.consumer(group), {
      description: paused ? PAUSED : ''
    })
    this.#link.connection.publish(this.#names.groupSubject(stream, group), Empty)
  }

  async next(stream: string, after: number): Promise<StoredEvent | undefined> {
    const name = this.#names.stream(this.#spec(stream))
    const { state } = await this.#link.manager.streams.info(name)
    // Purged sequences at the beginning are stepped over at once; holes further on, made by hand, one by one.
    for (let sequence = Math.max(after + 1, state.first_seq); sequence <= state.last_seq; sequence++) {
      const message = await this.#streams.message(name, sequence)
      if (message === undefined) continue
      const { data } = message
      const time = message.time.getTime() * 1_000
      return { sequence, time, data: Buffer.from(data.buffer, data.byteOffset, data.byteLength) }
    }
    return undefined
  }

  async sequenceBefore(stream: string, time: number): Promise<number> {
    const { firstSequence, lastSequence } = await this.#stream(this.#spec(stream))
    return (await this.#firstYounger(stream, firstSequence, lastSequence + 1, time / 1_000)) - 1
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

  /** The first sequence from `from` to `to` whose event is not older than a time, else `to`: a search by halves. */
  async #firstYounger(stream: string, from: number, to: number, timeMs: number): Promise<number> {
    const name = this.#names.stream(this.#spec(stream))
    let [low, high] = [from, to]
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      const message = await this.#streams.message(name, middle)
      // What is gone meanwhile was older than all that is there.
      if (message === undefined || message.time.getTime() < timeMs) low = middle + 1
      else high = middle
    }
    return low
  }

  /** A stream that ends before where it ended at the last look was set back: by an older copy, or by what never reached a disk. */
  async #noticeSetBack(spec: StreamSpec): Promise<void> {
    const seen = this.#seen.get(spec.name)
    let info = await this.#info(spec)
    if (seen !== undefined && this.#streams.epochOf(info) === seen.epoch && info.state.last_seq < seen.lastSequence) {
      await this.#streams.renewEpoch(spec, seen.epoch)
      info = await this.#info(spec)
    }
    const epoch = this.#streams.epochOf(info)
    if (seen !== undefined && seen.epoch !== epoch) await this.#consumers.repair(spec)
    this.#seen.set(spec.name, { epoch, lastSequence: info.state.last_seq })
  }

  async #stream(spec: StreamSpec): Promise<StreamState> {
    const info = await this.#info(spec)
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
      groups: (await this.#consumers.durables(spec)).map(readGroup),
      ack: ackMeaning({ storage, replicas: config.num_replicas, fsync: this.#fsync, serverVersion: version })
    }
  }

  #info(spec: StreamSpec): Promise<StreamInfo> {
    return this.#link.manager.streams.info(this.#names.stream(spec))
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

function readGroup(info: ConsumerInfo): GroupState {
  return {
    group: info.name,
    delivered: info.delivered.stream_seq,
    ackFloor: info.ack_floor.stream_seq,
    pending: info.num_pending + info.num_ack_pending,
    redelivered: info.num_redelivered,
    paused: isPaused(info)
  }
}
