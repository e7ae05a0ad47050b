import { setTimeout as delay } from 'node:timers/promises'
import type { StreamInfo } from 'nats'
import { InTurn } from './in-turn.ts'
import type { JetStreamNames } from './jetstream-names.ts'
import type { JetStreamStreams } from './jetstream-streams.ts'
import type { StreamSpec } from './stream-spec.ts'
import type { TransportCounters } from './transport-counters.ts'

/** What somebody knew of a stream, which now seems to end before. */
export interface SetBackClaim {
  epoch: string
  /** A sequence of that epoch that was stored. */
  sequence: number
  /**
   * How the fall showed. `acknowledged`: what was published after that sequence was known got none above it. `read`: the stream's
   * own description ends before it; a cluster whose leader changed may tell that for a while although nothing is lost.
   */
  shown: 'acknowledged' | 'read'
}

/** Until an own description is read a second time, in milliseconds. */
const SECOND_LOOK_MS = 1_000

/**
 * Decides whether a stream went back in time, by an older copy or by what never reached a disk, for everybody who sees a sequence fall:
 * publishers, readers, consumers, the control's looks. If so it gets another epoch, as its sequences name other events than before.
 */
export class JetStreamSetBacks {
  readonly #streams: JetStreamStreams
  readonly #names: JetStreamNames
  readonly #counters: TransportCounters
  readonly #turns = new InTurn()

  constructor(streams: JetStreamStreams, names: JetStreamNames, counters: TransportCounters) {
    this.#streams = streams
    this.#names = names
    this.#counters = counters
  }

  /**
   * @returns the stream as it is then: in another epoch when the fall is confirmed, or when the stream had another one already; many
   * may notice at once.
   */
  settle(spec: StreamSpec, claim: SetBackClaim): Promise<StreamInfo> {
    const stream = this.#names.stream(spec)
    return this.#turns.run(stream, () => this.#decide(spec, stream, claim))
  }

  async #decide(spec: StreamSpec, stream: string, claim: SetBackClaim): Promise<StreamInfo> {
    let info = await this.#streams.info(stream)
    const isBelow = () => this.#streams.epochOf(info) === claim.epoch && info.state.last_seq < claim.sequence
    const leader = info.cluster?.leader
    let confirmed = isBelow()
    if (confirmed && claim.shown === 'read') {
      await delay(SECOND_LOOK_MS)
      info = await this.#streams.info(stream)
      confirmed = isBelow() && info.cluster?.leader === leader
    }
    if (confirmed) {
      this.#counters.setBacks++
      return this.#streams.renewEpoch(spec, claim.epoch)
    }
    if (this.#streams.epochOf(info) === claim.epoch) this.#counters.unconfirmedSetBacks++
    return info
  }
}
