import { AckPolicy, type ConsumerConfig, type ConsumerInfo, DeliverPolicy, Empty, nanos, type StreamInfo } from 'nats'
import { InTurn } from './in-turn.ts'
import { readNote, writeNote } from './jetstream-consumer-note.ts'
import { absentAs, transportError, troubleOf } from './jetstream-errors.ts'
import type { JetStreamLink } from './jetstream-link.ts'
import type { JetStreamNames } from './jetstream-names.ts'
import type { JetStreamSetBacks } from './jetstream-set-backs.ts'
import { type JetStreamStreams, renewalsOf } from './jetstream-streams.ts'
import type { StreamSpec, StreamStart } from './stream-spec.ts'
import { TransportError } from './transport-error.ts'

/** A stream with the durable consumers of the table's groups, by group. */
export interface EnsuredStream {
  stream: StreamInfo
  groups: ReadonlyMap<string, ConsumerInfo>
}

/** Makes the durable consumers of groups. Everything here is idempotent, on any number of nodes at once. */
export class JetStreamConsumers {
  readonly #link: JetStreamLink
  readonly #names: JetStreamNames
  readonly #streams: JetStreamStreams
  readonly #setBacks: JetStreamSetBacks
  readonly #turns = new InTurn()
  /** The names of the durable ones at the last look, by stream. */
  readonly #durables = new Map<string, readonly string[]>()

  constructor(deps: {
    link: JetStreamLink
    names: JetStreamNames
    streams: JetStreamStreams
    setBacks: JetStreamSetBacks
  }) {
    this.#link = deps.link
    this.#names = deps.names
    this.#streams = deps.streams
    this.#setBacks = deps.setBacks
  }

  /**
   * A stream with the consumers of all groups of the table, whoever asks and for whichever group: a group whose services are down has
   * nobody else, and what is stored before its consumer is there may be purged unseen. What is told was read after the call.
   * @throws TransportError `stream_refused`, `jetstream_unavailable`.
   */
  async ensure(spec: StreamSpec): Promise<EnsuredStream> {
    try {
      return await this.#ensure(spec)
    } catch (error) {
      throw transportError(`the groups of stream ${spec.name}`, error)
    }
  }

  /**
   * All that the stream has, also those that another node's table names. A cluster leaves out of its list who has no leader at the
   * time: whoever is missing is asked for by name.
   * @throws NatsError while one of them cannot be told; what it has not acknowledged would be taken as nobody's.
   */
  async durables(spec: StreamSpec): Promise<ConsumerInfo[]> {
    const { consumers } = this.#link.manager
    const stream = this.#names.stream(spec)
    const found = new Map<string, ConsumerInfo>()
    for await (const info of consumers.list(stream)) {
      if (info.config.durable_name !== undefined) found.set(info.name, info)
    }
    const known = new Set([...spec.groups.map(this.#names.consumer), ...(this.#durables.get(stream) ?? [])])
    for (const name of known.difference(found)) {
      const info = await absentAs(consumers.info(stream, name), 'consumer_missing')
      if (info !== undefined) found.set(name, info)
    }
    this.#durables.set(stream, [...found.keys()])
    return [...found.values()]
  }

  /** Lets those begin anew that another node's table names and that skip what is stored; see {@link isSettled}. */
  async settleOthers(spec: StreamSpec, durables: readonly ConsumerInfo[]): Promise<void> {
    const own = new Set(spec.groups.map(this.#names.consumer))
    const others = durables.filter(({ name }) => !own.has(name))
    if (others.length === 0) return
    const stream = await this.#confirmed(spec, await this.#streams.info(this.#names.stream(spec)), others)
    for (const consumer of others) await this.#setRight(spec, stream, consumer)
  }

  /** @throws TransportError `unknown_stream` for a group that the stream does not have. */
  async setPaused(spec: StreamSpec, group: string, paused: boolean): Promise<void> {
    const { consumers } = this.#link.manager
    const stream = this.#names.stream(spec)
    const found = await absentAs(consumers.info(stream, this.#names.consumer(group)), 'consumer_missing')
    const consumer = found ?? (await this.ensure(spec)).groups.get(group)
    if (consumer === undefined) throw new TransportError('unknown_stream', `stream ${spec.name} has no group ${group}`)
    await consumers.update(stream, consumer.name, { description: writeNote({ ...readNote(consumer), paused }) })
    this.#tell(spec, consumer.name)
  }

  async #ensure(spec: StreamSpec): Promise<EnsuredStream> {
    const before = await this.#streams.ensureStream(spec)
    const made = await Promise.all(spec.groups.map(group => this.#ensureDurable(spec, group, before)))
    const stream = await this.#confirmed(spec, before, made)
    const groups = new Map<string, ConsumerInfo>()
    for (const [index, group] of spec.groups.entries()) {
      const consumer = made[index]
      if (consumer !== undefined) groups.set(group, await this.#setRight(spec, stream, consumer))
    }
    return { stream, groups }
  }

  /** The consumer of a group of the table. One that exists keeps its place, and whether it is paused. */
  async #ensureDurable(spec: StreamSpec, group: string, stream: StreamInfo): Promise<ConsumerInfo> {
    const { briefManager, manager } = this.#link
    const { name: streamName } = stream.config
    const name = this.#names.consumer(group)
    const limits = { ack_wait: nanos(spec.ackWaitMs), max_ack_pending: spec.maxAckPending }
    const existing = await absentAs(briefManager.consumers.info(streamName, name), 'consumer_missing')
    if (existing === undefined) {
      const renewals = renewalsOf(stream)
      return manager.consumers.add(streamName, {
        durable_name: name,
        ack_policy: AckPolicy.Explicit,
        // After a set-back a missing one is most likely about to be made anew by another node: with all that is stored.
        ...startOf(renewals === 0 ? spec.starts?.[group] : 'all'),
        // The dead letters are ours: the server would only stop to deliver.
        max_deliver: -1,
        description: writeNote({ paused: false, renewals }),
        ...limits
      })
    }
    const { ack_wait, max_ack_pending } = existing.config
    if (ack_wait === limits.ack_wait && max_ack_pending === limits.max_ack_pending) return existing
    return manager.consumers.update(streamName, name, limits)
  }

  /** The stream as it is, in another epoch when a consumer of it shows that it went back in time. */
  async #confirmed(spec: StreamSpec, before: StreamInfo, consumers: readonly ConsumerInfo[]): Promise<StreamInfo> {
    let stream = before
    for (const consumer of consumers) {
      // The stream goes on while its consumers are read.
      if (isAhead(stream, consumer)) stream = await this.#streams.info(stream.config.name)
      if (!isAhead(stream, consumer)) continue
      const { stream_seq: sequence } = consumer.delivered
      stream = await this.#setBacks.settle(spec, { epoch: this.#streams.epochOf(stream), sequence, shown: 'read' })
    }
    return stream
  }

  /**
   * A consumer that was made before its stream went back in time would skip what was stored since under the sequences that it has
   * delivered already. It begins anew with all that is stored: where exactly the stream was cut nobody knows any more, and
   * its handlers take repetitions.
   */
  async #setRight(spec: StreamSpec, stream: StreamInfo, consumer: ConsumerInfo): Promise<ConsumerInfo> {
    const renewals = renewalsOf(stream)
    const { stream_name, name } = consumer
    if (readNote(consumer).renewals >= renewals) return consumer
    return this.#turns.run(`${stream_name} ${name}`, async () => {
      const { consumers } = this.#link.manager
      // Another caller may have done it meanwhile.
      const now = await consumers.info(stream_name, name)
      const note = readNote(now)
      if (note.renewals >= renewals) return now
      try {
        await consumers.delete(stream_name, name)
      } catch (error) {
        // Who may not delete a consumer leaves it to the next look of a node that may.
        if (troubleOf(error) === 'refused') return now
        throw error
      }
      const { opt_start_time: _time, opt_start_seq: _sequence, ...rest } = now.config
      const description = writeNote({ ...note, renewals })
      const made = await consumers.add(stream_name, { ...rest, deliver_policy: DeliverPolicy.All, description })
      this.#tell(spec, name)
      return made
    })
  }

  /** To the nodes of a group: its consumer is another one, or paused, or resumed. */
  #tell(spec: StreamSpec, consumer: string): void {
    this.#link.connection.publish(this.#names.groupSubject(spec.name, consumer), Empty)
  }
}

/** Whether a consumer skips nothing that its stream holds: false until it begins anew after the stream went back in time. */
export function isSettled(stream: StreamInfo, consumer: ConsumerInfo): boolean {
  return readNote(consumer).renewals >= renewalsOf(stream) && !isAhead(stream, consumer)
}

/** Of one that has delivered nothing its start is told, which may lie ahead; one that was made before a known set-back begins anew anyway. */
function isAhead(stream: StreamInfo, consumer: ConsumerInfo): boolean {
  const { consumer_seq, stream_seq } = consumer.delivered
  return consumer_seq > 0 && stream_seq > stream.state.last_seq && readNote(consumer).renewals >= renewalsOf(stream)
}

function startOf(start: StreamStart = 'all'): Partial<ConsumerConfig> & { deliver_policy: DeliverPolicy } {
  if (start === 'all') return { deliver_policy: DeliverPolicy.All }
  if (start === 'new') return { deliver_policy: DeliverPolicy.New }
  if ('sequence' in start) return { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: start.sequence }
  return { deliver_policy: DeliverPolicy.StartTime, opt_start_time: new Date(start.timeMs).toISOString() }
}
