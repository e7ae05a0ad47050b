import type { JetStreamLink } from './jetstream-link.ts'
import type { JetStreamNames } from './jetstream-names.ts'
import type { GroupState, StreamState } from './stream-control.ts'
import { streamEpoch } from './stream-epoch.ts'
import type { StreamSpec } from './stream-spec.ts'

/** A stream that is fuller than that is purged. */
const PURGE_FILL = 0.8

/** Reads and trims the table's streams in the server. */
export class JetStreamControl {
  readonly #link: JetStreamLink
  readonly #names: JetStreamNames
  readonly #streams: readonly StreamSpec[]

  constructor(link: JetStreamLink, names: JetStreamNames, streams: readonly StreamSpec[]) {
    this.#link = link
    this.#names = names
    this.#streams = streams
  }

  streams(): Promise<StreamState[]> {
    return Promise.all(this.#streams.map(spec => this.#stream(spec)))
  }

  /** See {@link StreamControl.makeRoom}. Work queues remove what is acknowledged by themselves. */
  async makeRoom(): Promise<number> {
    let purged = 0
    for (const spec of this.#streams) {
      if (spec.retention !== 'limits' || spec.groups.length === 0) continue
      const { bytes, firstSequence, groups } = await this.#stream(spec)
      if (bytes < PURGE_FILL * spec.maxBytes) continue
      const floor = Math.min(...groups.map(({ ackFloor }) => ackFloor))
      const end = await this.#firstYounger(spec, firstSequence, floor + 1)
      if (end <= firstSequence) continue
      purged += (await this.#link.manager.streams.purge(this.#names.stream(spec), { seq: end })).purged
    }
    return purged
  }

  /** The first sequence from `from` to `to` whose event is younger than the stream's `keepMs`, else `to`: a search by halves. */
  async #firstYounger(spec: StreamSpec, from: number, to: number): Promise<number> {
    const oldest = Date.now() - spec.keepMs
    let [low, high] = [from, to]
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      const { time } = await this.#link.manager.streams.getMessage(this.#names.stream(spec), { seq: middle })
      if (time.getTime() < oldest) low = middle + 1
      else high = middle
    }
    return low
  }

  async #stream(spec: StreamSpec): Promise<StreamState> {
    const { created, state } = await this.#link.manager.streams.info(this.#names.stream(spec))
    return {
      name: spec.name,
      epoch: streamEpoch(created),
      // Of an empty stream the server tells 0, or the sequence of what was last removed.
      firstSequence: state.messages === 0 ? state.last_seq + 1 : state.first_seq,
      lastSequence: state.last_seq,
      bytes: state.bytes,
      maxBytes: spec.maxBytes,
      groups: await Promise.all(spec.groups.map(group => this.#group(spec, group)))
    }
  }

  async #group(spec: StreamSpec, group: string): Promise<GroupState> {
    const { manager } = this.#link
    const info = await manager.consumers.info(this.#names.stream(spec), this.#names.consumer(group))
    return {
      group,
      delivered: info.delivered.stream_seq,
      ackFloor: info.ack_floor.stream_seq,
      pending: info.num_pending + info.num_ack_pending,
      redelivered: info.num_redelivered
    }
  }
}
