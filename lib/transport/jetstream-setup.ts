import {
  AckPolicy,
  type ConsumerInfo,
  DeliverPolicy,
  DiscardPolicy,
  nanos,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
  type StreamInfo
} from 'nats'
import { troubleOf } from './jetstream-errors.ts'
import type { JetStreamLink } from './jetstream-link.ts'
import type { JetStreamNames } from './jetstream-names.ts'
import { streamEpoch } from './stream-epoch.ts'
import type { StreamSpec } from './stream-spec.ts'
import { TransportError } from './transport-error.ts'

/** Dead letters are kept for a week. When their room is used up, what fails stays in its stream. */
const DEAD_MAX_AGE_MS = 7 * 24 * 3600 * 1000
const DEAD_MAX_BYTES = 256 * 1024 ** 2
const DEAD_WINDOW_MS = 120_000
/** A reader that has gone for so long is forgotten by the server. */
const READER_INACTIVE_MS = 60_000

/** An opened consumer. */
export interface OpenConsumer {
  stream: string
  name: string
  /** Of the stream. */
  epoch: string
  /** The sequence behind which it begins. */
  after: number
}

/** Makes streams and consumers in the server what the table says. Everything here is idempotent, on any number of nodes at once. */
export class JetStreamSetup {
  readonly #link: JetStreamLink
  readonly #names: JetStreamNames
  readonly #streams: readonly StreamSpec[]
  /** Runs that are under way, by stream: many callers, one request. */
  readonly #ensuring = new Map<string, Promise<StreamInfo>>()

  constructor(link: JetStreamLink, names: JetStreamNames, streams: readonly StreamSpec[]) {
    this.#link = link
    this.#names = names
    this.#streams = streams
  }

  /** All streams of the table, their durable consumers, and the dead letters. */
  async ensureAll(): Promise<void> {
    await this.ensureDeadLetters()
    for (const spec of this.#streams) {
      await this.ensureStream(spec)
      for (const group of spec.groups) await this.ensureDurable(spec, group)
    }
  }

  ensureStream(spec: StreamSpec): Promise<StreamInfo> {
    return this.#ensure({
      name: this.#names.stream(spec),
      subjects: [this.#names.subjects(spec)],
      retention: spec.retention === 'workqueue' ? RetentionPolicy.Workqueue : RetentionPolicy.Limits,
      storage: spec.storage === 'memory' ? StorageType.Memory : StorageType.File,
      discard: DiscardPolicy.New,
      max_age: nanos(spec.maxAgeMs),
      max_bytes: spec.maxBytes,
      duplicate_window: nanos(spec.duplicateWindowMs)
    })
  }

  ensureDeadLetters(): Promise<StreamInfo> {
    return this.#ensure({
      name: this.#names.deadStream,
      subjects: [this.#names.deadSubjects],
      retention: RetentionPolicy.Limits,
      storage: StorageType.File,
      discard: DiscardPolicy.New,
      max_age: nanos(DEAD_MAX_AGE_MS),
      max_bytes: DEAD_MAX_BYTES,
      duplicate_window: nanos(DEAD_WINDOW_MS)
    })
  }

  /** The consumer of a group of the table. */
  async ensureDurable(spec: StreamSpec, group: string): Promise<ConsumerInfo> {
    const { consumers } = this.#link.manager
    const stream = this.#names.stream(spec)
    const name = this.#names.consumer(group)
    const limits = { ack_wait: nanos(spec.ackWaitMs), max_ack_pending: spec.maxAckPending }
    try {
      return await consumers.add(stream, {
        durable_name: name,
        ack_policy: AckPolicy.Explicit,
        deliver_policy: DeliverPolicy.All,
        // The dead letters are ours: the server would only stop to deliver.
        max_deliver: -1,
        ...limits
      })
    } catch (error) {
      // Servers from 2.10 on do not change an existing consumer here.
      if (troubleOf(error) !== 'consumer_exists') throw error
      return consumers.update(stream, name, limits)
    }
  }

  async openDurable(spec: StreamSpec, group: string): Promise<OpenConsumer> {
    const stream = await this.ensureStream(spec)
    const { name, ack_floor } = await this.ensureDurable(spec, group)
    return { stream: stream.config.name, name, epoch: streamEpoch(stream.created), after: ack_floor.stream_seq }
  }

  /**
   * An ephemeral consumer for a group outside the table. It continues behind `position` when the stream still has all that follows
   * it, else begins behind the floor of the tail group, or with what comes next: then `after` is another than the position's.
   */
  async openReader(spec: StreamSpec, position?: { epoch: string; after: number }): Promise<OpenConsumer> {
    const stream = await this.ensureStream(spec)
    const epoch = streamEpoch(stream.created)
    const { messages, first_seq, last_seq } = stream.state
    // Of an empty stream the server tells 0, or the sequence of what was last removed.
    const gone = messages === 0 ? last_seq : first_seq - 1
    let after = last_seq
    if (position?.epoch === epoch && position.after >= gone && position.after <= last_seq) after = position.after
    else if (spec.tailGroup !== undefined) {
      const { ack_floor } = await this.ensureDurable(spec, spec.tailGroup)
      after = Math.max(gone, ack_floor.stream_seq)
    }
    const { name } = await this.#link.manager.consumers.add(stream.config.name, {
      ack_policy: AckPolicy.None,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: after + 1,
      mem_storage: true,
      inactive_threshold: nanos(READER_INACTIVE_MS)
    })
    return { stream: stream.config.name, name, epoch, after }
  }

  /** Removes a reader's consumer; one that cannot be reached goes by itself. */
  async closeReader({ stream, name }: OpenConsumer): Promise<void> {
    if (!this.#link.up) return
    await this.#link.manager.consumers.delete(stream, name).catch(() => undefined)
  }

  #ensure(config: Partial<StreamConfig> & { name: string }): Promise<StreamInfo> {
    const running = this.#ensuring.get(config.name)
    if (running !== undefined) return running
    const started = this.#addOrUpdate(config).finally(() => this.#ensuring.delete(config.name))
    this.#ensuring.set(config.name, started)
    return started
  }

  async #addOrUpdate(config: Partial<StreamConfig> & { name: string }): Promise<StreamInfo> {
    const { streams } = this.#link.manager
    try {
      return await streams.add(config)
    } catch (error) {
      if (troubleOf(error) !== 'stream_exists') throw setupError(config.name, error)
    }
    try {
      return await streams.update(config.name, config)
    } catch (error) {
      throw setupError(config.name, error)
    }
  }
}

function setupError(name: string, error: unknown): TransportError {
  const trouble = troubleOf(error)
  const { message } = error as Error
  if (trouble === 'refused' || trouble === 'no_room' || trouble === 'stream_exists') {
    return new TransportError(
      'stream_refused',
      `the server does not make stream ${name} as the table says: ${message}`,
      {
        cause: error
      }
    )
  }
  return new TransportError('jetstream_unavailable', `stream ${name}: ${message}`, { cause: error })
}
