import { AckPolicy, DeliverPolicy, nanos, nuid } from 'nats'
import { readNote } from './jetstream-consumer-note.ts'
import type { JetStreamConsumers } from './jetstream-consumers.ts'
import type { JetStreamLink } from './jetstream-link.ts'
import type { JetStreamNames } from './jetstream-names.ts'
import type { JetStreamSetBacks } from './jetstream-set-backs.ts'
import type { JetStreamStreams } from './jetstream-streams.ts'
import type { StreamSpec } from './stream-spec.ts'
import { TransportError } from './transport-error.ts'

/** A reader that has gone for so long is forgotten by the server. */
const READER_INACTIVE_MS = 60_000

/** What an opened consumer depends on; when it is another, the consumer has to be opened again. */
export interface ConsumerStanding {
  /** Of the stream. */
  epoch: string
  paused: boolean
}

/** An opened consumer. */
export interface OpenConsumer extends ConsumerStanding {
  stream: string
  name: string
  /** The sequence behind which it begins. */
  after: number
}

/** Opens the consumers from which this node takes events: those of the table's groups, and readers of its own. */
export class JetStreamOpener {
  readonly #link: JetStreamLink
  readonly #names: JetStreamNames
  readonly #streams: JetStreamStreams
  readonly #setBacks: JetStreamSetBacks
  readonly #consumers: JetStreamConsumers

  constructor(deps: {
    link: JetStreamLink
    names: JetStreamNames
    streams: JetStreamStreams
    setBacks: JetStreamSetBacks
    consumers: JetStreamConsumers
  }) {
    this.#link = deps.link
    this.#names = deps.names
    this.#streams = deps.streams
    this.#setBacks = deps.setBacks
    this.#consumers = deps.consumers
  }

  async openDurable(spec: StreamSpec, group: string): Promise<OpenConsumer> {
    const { stream, groups } = await this.#consumers.ensure(spec)
    const consumer = groups.get(group)
    if (consumer === undefined) throw new RangeError(`expected a group of stream ${spec.name}, got ${group}`)
    return {
      stream: stream.config.name,
      name: consumer.name,
      epoch: this.#streams.epochOf(stream),
      after: consumer.ack_floor.stream_seq,
      paused: readNote(consumer).paused
    }
  }

  /** How a stream stands now, and the group if it is one of the table. */
  async standing(spec: StreamSpec, group: string): Promise<ConsumerStanding> {
    const stream = this.#names.stream(spec)
    const epoch = this.#streams.epochOf(await this.#streams.info(stream))
    if (!spec.groups.includes(group)) return { epoch, paused: false }
    const consumer = await this.#link.briefManager.consumers.info(stream, this.#names.consumer(group))
    return { epoch, paused: readNote(consumer).paused }
  }

  /**
   * An ephemeral consumer for a group outside the table. It continues behind `position` when the stream still has all that follows
   * it, else begins behind the floor of the tail group, or with what comes next: then `after` is another than the position's.
   */
  async openReader(spec: StreamSpec, position?: { epoch: string; after: number }): Promise<OpenConsumer> {
    let { stream, groups } = await this.#consumers.ensure(spec)
    const isAhead = () => position?.epoch === this.#streams.epochOf(stream) && position.after > stream.state.last_seq
    if (position !== undefined && isAhead()) {
      await this.#setBacks.settle(spec, { epoch: position.epoch, sequence: position.after, shown: 'read' })
      ;({ stream, groups } = await this.#consumers.ensure(spec))
      // Neither confirmed nor refuted: the next attempt looks again.
      if (isAhead())
        throw new TransportError('jetstream_unavailable', `stream ${spec.name} ends before ${position.after}`)
    }
    const epoch = this.#streams.epochOf(stream)
    const { messages, first_seq, last_seq } = stream.state
    // Of an empty stream the server tells 0, or the sequence of what was last removed.
    const gone = messages === 0 ? last_seq : first_seq - 1
    const tail = spec.tailGroup === undefined ? undefined : groups.get(spec.tailGroup)
    let after = last_seq
    if (position?.epoch === epoch && position.after >= gone && position.after <= last_seq) after = position.after
    else if (tail !== undefined) after = Math.max(gone, tail.ack_floor.stream_seq)
    const reader = { stream: stream.config.name, name: nuid.next(), epoch, after, paused: false }
    try {
      await this.#link.briefManager.consumers.add(reader.stream, {
        name: reader.name,
        ack_policy: AckPolicy.None,
        deliver_policy: DeliverPolicy.StartSequence,
        opt_start_seq: after + 1,
        mem_storage: true,
        inactive_threshold: nanos(READER_INACTIVE_MS)
      })
    } catch (error) {
      // One server of a cluster gets it, and the dead are chosen as well until the others have given them up.
      void this.closeReader(reader)
      throw error
    }
    return reader
  }

  /** Removes a reader's consumer; one that cannot be reached goes by itself. */
  async closeReader({ stream, name }: OpenConsumer): Promise<void> {
    if (!this.#link.up) return
    await this.#link.manager.consumers.delete(stream, name).catch(() => undefined)
  }
}
