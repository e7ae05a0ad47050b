import { AckPolicy, type ConsumerConfig, type ConsumerInfo, DeliverPolicy, nanos } from 'nats'
import { absentAs } from './jetstream-errors.ts'
import type { JetStreamLink } from './jetstream-link.ts'
import type { JetStreamNames } from './jetstream-names.ts'
import type { JetStreamStreams } from './jetstream-streams.ts'
import type { StreamSpec, StreamStart } from './stream-spec.ts'

/** A reader that has gone for so long is forgotten by the server. */
const READER_INACTIVE_MS = 60_000
/** The description of a consumer whose group is paused: every node reads it when it opens the consumer, on every server. */
export const PAUSED = 'paused'

/** An opened consumer. */
export interface OpenConsumer {
  stream: string
  name: string
  /** Of the stream. */
  epoch: string
  /** The sequence behind which it begins. */
  after: number
  paused: boolean
}

export function isPaused({ config }: Pick<ConsumerInfo, 'config'>): boolean {
  return config.description === PAUSED
}

/** Makes the consumers of groups and readers. Everything here is idempotent, on any number of nodes at once. */
export class JetStreamConsumers {
  readonly #link: JetStreamLink
  readonly #names: JetStreamNames
  readonly #streams: JetStreamStreams

  constructor(link: JetStreamLink, names: JetStreamNames, streams: JetStreamStreams) {
    this.#link = link
    this.#names = names
    this.#streams = streams
  }

  /** A stream with the consumers of its groups. */
  async ensure(spec: StreamSpec): Promise<void> {
    await this.#streams.ensureStream(spec)
    for (const group of spec.groups) await this.ensureDurable(spec, group)
  }

  /** All that the stream has, also those that another node's table names. */
  async durables(spec: StreamSpec): Promise<ConsumerInfo[]> {
    const found: ConsumerInfo[] = []
    for await (const info of this.#link.manager.consumers.list(this.#names.stream(spec))) {
      if (info.config.durable_name !== undefined) found.push(info)
    }
    return found
  }

  /**
   * After a stream went back in time: a group that is ahead of it begins again behind what is left, and readers are sent to open
   * theirs again, which tells them the epoch.
   */
  async repair(spec: StreamSpec): Promise<void> {
    const { consumers, streams } = this.#link.manager
    const stream = this.#names.stream(spec)
    const { state } = await streams.info(stream)
    for await (const { name, config, delivered, ack_floor } of consumers.list(stream)) {
      if (config.durable_name === undefined) await consumers.delete(stream, name)
      else if (delivered.stream_seq > state.last_seq) {
        const { opt_start_time: _, ...rest } = config
        await consumers.delete(stream, name)
        const after = Math.min(ack_floor.stream_seq, state.last_seq)
        await consumers.add(stream, { ...rest, deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: after + 1 })
      }
    }
  }

  /** The consumer of a group of the table. One that exists keeps its place, and whether it is paused. */
  async ensureDurable(spec: StreamSpec, group: string): Promise<ConsumerInfo> {
    const { consumers } = this.#link.manager
    const stream = this.#names.stream(spec)
    const name = this.#names.consumer(group)
    const limits = { ack_wait: nanos(spec.ackWaitMs), max_ack_pending: spec.maxAckPending }
    const existing = await absentAs(consumers.info(stream, name), 'consumer_missing')
    if (existing === undefined) {
      return consumers.add(stream, {
        durable_name: name,
        ack_policy: AckPolicy.Explicit,
        ...startOf(spec.starts?.[group]),
        // The dead letters are ours: the server would only stop to deliver.
        max_deliver: -1,
        ...limits
      })
    }
    const { ack_wait, max_ack_pending } = existing.config
    if (ack_wait === limits.ack_wait && max_ack_pending === limits.max_ack_pending) return existing
    return consumers.update(stream, name, limits)
  }

  async openDurable(spec: StreamSpec, group: string): Promise<OpenConsumer> {
    const stream = await this.#streams.ensureStream(spec)
    const info = await this.ensureDurable(spec, group)
    return {
      stream: stream.config.name,
      name: info.name,
      epoch: this.#streams.epochOf(stream),
      after: info.ack_floor.stream_seq,
      paused: isPaused(info)
    }
  }

  /**
   * An ephemeral consumer for a group outside the table. It continues behind `position` when the stream still has all that follows
   * it, else begins behind the floor of the tail group, or with what comes next: then `after` is another than the position's.
   */
  async openReader(spec: StreamSpec, position?: { epoch: string; after: number }): Promise<OpenConsumer> {
    const stream = await this.#streams.ensureStream(spec)
    let epoch = this.#streams.epochOf(stream)
    const { messages, first_seq, last_seq } = stream.state
    // Of an empty stream the server tells 0, or the sequence of what was last removed.
    const gone = messages === 0 ? last_seq : first_seq - 1
    if (position?.epoch === epoch && position.after > last_seq) epoch = await this.#streams.renewEpoch(spec, epoch)
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
    return { stream: stream.config.name, name, epoch, after, paused: false }
  }

  /** Removes a reader's consumer; one that cannot be reached goes by itself. */
  async closeReader({ stream, name }: OpenConsumer): Promise<void> {
    if (!this.#link.up) return
    await this.#link.manager.consumers.delete(stream, name).catch(() => undefined)
  }
}

function startOf(start: StreamStart = 'all'): Partial<ConsumerConfig> & { deliver_policy: DeliverPolicy } {
  if (start === 'all') return { deliver_policy: DeliverPolicy.All }
  if (start === 'new') return { deliver_policy: DeliverPolicy.New }
  if ('sequence' in start) return { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: start.sequence }
  return { deliver_policy: DeliverPolicy.StartTime, opt_start_time: new Date(start.timeMs).toISOString() }
}
