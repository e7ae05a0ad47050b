import type { Logger } from 'moleculer'
import type { ConsumerInfo, StreamInfo } from 'nats'
import { isSettled, type JetStreamConsumers } from './jetstream-consumers.ts'
import { absentAs, transportError } from './jetstream-errors.ts'
import type { JetStreamNames } from './jetstream-names.ts'
import type { JetStreamSetBacks } from './jetstream-set-backs.ts'
import type { JetStreamStreams } from './jetstream-streams.ts'
import type { StreamSpec } from './stream-spec.ts'
import type { TransportCounters } from './transport-counters.ts'

/** A stream with its durable consumers as the server has them. */
export interface Look {
  spec: StreamSpec
  info: StreamInfo
  durables: readonly ConsumerInfo[]
  /** Every group of the table has its consumer, and none skips what is stored: what all have acknowledged nobody needs. */
  settled: boolean
}

/** Looks at streams, makes what is missing, and sets right those that went back in time. */
export class JetStreamLooks {
  readonly #names: JetStreamNames
  readonly #streams: JetStreamStreams
  readonly #consumers: JetStreamConsumers
  readonly #setBacks: JetStreamSetBacks
  readonly #counters: TransportCounters
  readonly #logger: Logger
  /** The last look at each stream, by name. */
  readonly #seen = new Map<string, { epoch: string; lastSequence: number }>()
  /** The names of those that could not be looked at. */
  readonly #failing = new Set<string>()

  constructor(deps: {
    names: JetStreamNames
    streams: JetStreamStreams
    consumers: JetStreamConsumers
    setBacks: JetStreamSetBacks
    counters: TransportCounters
    logger: Logger
  }) {
    this.#names = deps.names
    this.#streams = deps.streams
    this.#consumers = deps.consumers
    this.#setBacks = deps.setBacks
    this.#counters = deps.counters
    this.#logger = deps.logger
  }

  /** At those that can be looked at now, in the order given; with what the first of the others said. */
  async possible(specs: readonly StreamSpec[]): Promise<{ looks: Look[]; refusal?: unknown }> {
    const looks: Look[] = []
    let refusal: unknown
    for (const outcome of await Promise.allSettled(specs.map(spec => this.one(spec)))) {
      if (outcome.status === 'fulfilled') looks.push(outcome.value)
      else refusal ??= outcome.reason
    }
    return { looks, refusal }
  }

  /** @throws TransportError while that is not possible. */
  async one(spec: StreamSpec): Promise<Look> {
    try {
      const look = await this.#look(spec)
      if (this.#failing.delete(spec.name)) this.#logger.info(`Stream '${spec.name}' can be read again.`)
      return look
    } catch (error) {
      this.#counters.failedLooks++
      const refusal = transportError(`stream ${spec.name}`, error)
      if (!this.#failing.has(spec.name)) this.#logger.warn(`Stream '${spec.name}' cannot be read: ${refusal.message}`)
      this.#failing.add(spec.name)
      throw refusal
    }
  }

  async #look(spec: StreamSpec): Promise<Look> {
    // The stream is read last: it goes on meanwhile, and would seem to end before what its consumers have delivered.
    let durables = await this.#durables(spec)
    let info = await this.#confirmed(spec, await this.#streams.info(this.#names.stream(spec)))
    if (!this.#isSettled(spec, info, durables)) {
      info = (await this.#consumers.ensure(spec)).stream
      await this.#consumers.settleOthers(spec, durables)
      durables = await this.#durables(spec)
      info = await this.#streams.info(this.#names.stream(spec))
    }
    this.#remember(spec, info)
    return { spec, info, durables, settled: this.#isSettled(spec, info, durables) }
  }

  async #durables(spec: StreamSpec): Promise<ConsumerInfo[]> {
    const found = await absentAs(this.#consumers.durables(spec), 'stream_missing')
    if (found !== undefined) return found
    await this.#consumers.ensure(spec)
    return this.#consumers.durables(spec)
  }

  /** The stream in another epoch when it ends before where it ended at the last look. */
  async #confirmed(spec: StreamSpec, info: StreamInfo): Promise<StreamInfo> {
    const seen = this.#seen.get(spec.name)
    if (seen?.epoch !== this.#streams.epochOf(info) || info.state.last_seq >= seen.lastSequence) return info
    return this.#setBacks.settle(spec, { epoch: seen.epoch, sequence: seen.lastSequence, shown: 'read' })
  }

  #remember(spec: StreamSpec, info: StreamInfo): void {
    const seen = this.#seen.get(spec.name)
    const epoch = this.#streams.epochOf(info)
    const { last_seq } = info.state
    // A fall that was not confirmed is looked at again.
    const lastSequence = seen?.epoch === epoch ? Math.max(seen.lastSequence, last_seq) : last_seq
    this.#seen.set(spec.name, { epoch, lastSequence })
  }

  #isSettled(spec: StreamSpec, info: StreamInfo, durables: readonly ConsumerInfo[]): boolean {
    const names = new Set(durables.map(({ name }) => name))
    const complete = spec.groups.every(group => names.has(this.#names.consumer(group)))
    return complete && durables.every(consumer => isSettled(info, consumer))
  }
}
