import type { Msg } from 'nats'
import { AnswerGate } from './answer-gate.ts'
import { GroupRunner } from './group-runner.ts'
import type { JetStreamConsumptionOptions } from './jetstream-consumption.ts'
import { JetStreamDelivery } from './jetstream-delivery.ts'
import type { MessagePlace } from './jetstream-message.ts'
import type { PullReceiver } from './jetstream-pull.ts'

/** Events in hand beyond those that run, so that a handler need not wait for the next request. */
const PREFETCH = 8
const READER_CAPACITY = 64
/**
 * A handler that runs longer than so many ack waits is given up: its event comes again, here or elsewhere. It keeps its place among
 * those that run, so that what hangs cannot pile up.
 */
const MAX_ACK_WAITS = 10

export interface IntakeOptions extends JetStreamConsumptionOptions {
  /** Of the table: it may miss nothing. Else an ordered reader. */
  durable: boolean
  onSettled: () => void
  /** The reader's next event was gone: it has to begin anew. */
  onOvertaken: (reason: string) => void
}

/** What one group has in hand on this node: takes the messages of its consumer, and answers them through a gate. */
export class JetStreamIntake implements PullReceiver {
  readonly runner: GroupRunner
  readonly gate: AnswerGate
  readonly #options: IntakeOptions
  /** By sequence; only of a durable group. */
  readonly #inHand = new Map<number, JetStreamDelivery>()
  #epoch = ''
  #position = 0
  #overtaken = false

  constructor(options: IntakeOptions) {
    const { spec, durable } = options
    const prefetch = spec.retention === 'workqueue' ? 1 : PREFETCH
    this.#options = options
    this.gate = new AnswerGate(options.link.connection, options.counters)
    this.runner = new GroupRunner({
      ...options,
      concurrency: durable ? spec.concurrency : 1,
      capacity: durable ? Math.min(prefetch * spec.concurrency, spec.maxAckPending) : READER_CAPACITY,
      maxDeliver: spec.maxDeliver,
      ordered: !durable,
      retry: options.options
    })
  }

  get free(): number {
    return this.runner.free
  }

  get heldBytes(): number {
    return this.runner.heldBytes
  }

  /** An ordered reader's place: the last sequence that was received; undefined before its first event. */
  get position(): { epoch: string; after: number } | undefined {
    return this.#epoch === '' ? undefined : { epoch: this.#epoch, after: this.#position }
  }

  /** Whether a consumer that begins there continues what was taken so far, with nothing missing between. */
  continues({ epoch, after }: { epoch: string; after: number }): boolean {
    return epoch === this.#epoch && (this.#options.durable || (after === this.#position && !this.#overtaken))
  }

  begin({ epoch, after }: { epoch: string; after: number }): void {
    if (epoch === this.#epoch && !this.#options.durable) {
      this.#options.counters.missed += Math.max(0, after - this.#position)
    }
    this.#epoch = epoch
    this.#position = after
    this.#overtaken = false
  }

  receive(message: Msg, place: MessagePlace): void {
    if (!this.#options.durable && place.streamSequence !== this.#position + 1) {
      this.#overtake(place.streamSequence)
      return
    }
    this.#position = place.streamSequence
    // A server may deliver an event twice at once when a node leaves its group; one answer settles both.
    if (this.#inHand.has(place.streamSequence)) this.#options.counters.repeated++
    else this.runner.take(this.#delivery(message, place))
  }

  /** Tells the server of the handlers that are still at it. To be called several times within an ack wait. */
  keepWorking(): void {
    const oldest = performance.now() - MAX_ACK_WAITS * this.#options.spec.ackWaitMs
    for (const [sequence, delivery] of this.#inHand) {
      if (delivery.since > oldest) delivery.working()
      else {
        this.#inHand.delete(sequence)
        this.#options.counters.overdue++
      }
    }
  }

  /** The events before this one were purged or too old while the reader was on its way to them. */
  #overtake(sequence: number): void {
    if (this.#overtaken) return
    this.#overtaken = true
    this.#options.counters.missed += sequence - 1 - this.#position
    this.#position = sequence - 1
    this.#options.onOvertaken(`the events before ${sequence} are gone`)
  }

  #delivery(message: Msg, place: MessagePlace): JetStreamDelivery {
    const { durable, deadLetters, broker, group, spec } = this.#options
    const epoch = this.#epoch
    const delivery: JetStreamDelivery = new JetStreamDelivery({
      gate: durable ? this.gate : undefined,
      message,
      place,
      epoch,
      onSettled: () => {
        // One that was given up may have come again meanwhile.
        if (this.#inHand.get(delivery.sequence) === delivery) this.#inHand.delete(delivery.sequence)
      },
      store: async (reason, error, event) => {
        const { streamSequence: sequence, deliveryCount: deliveries } = place
        const time = Date.now() * 1_000
        const node = broker.nodeID
        const letter = { stream: spec.name, group, event, reason, error, deliveries, epoch, sequence, node, time }
        await deadLetters.add(spec, letter, delivery.data)
      }
    })
    if (durable) this.#inHand.set(delivery.sequence, delivery)
    return delivery
  }
}
