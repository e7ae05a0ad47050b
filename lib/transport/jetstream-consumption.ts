import { setTimeout as delay } from 'node:timers/promises'
import type { Logger, ServiceBroker } from 'moleculer'
import type { Msg, Subscription } from 'nats'
import { announceConsuming } from './announce-consuming.ts'
import { type Delivery, GroupRunner } from './group-runner.ts'
import type { JetStreamConsumers, OpenConsumer } from './jetstream-consumers.ts'
import type { JetStreamDeadLetters } from './jetstream-dead-letters.ts'
import { JetStreamDelivery } from './jetstream-delivery.ts'
import { takeHandOvers } from './jetstream-hand-over.ts'
import type { JetStreamLink } from './jetstream-link.ts'
import type { MessagePlace } from './jetstream-message.ts'
import type { JetStreamNames } from './jetstream-names.ts'
import { JetStreamPull } from './jetstream-pull.ts'
import type { StreamSpec } from './stream-spec.ts'
import type { TransportCounters } from './transport-counters.ts'
import type { TransportOptions } from './transport-options.ts'
import { within } from './within.ts'

export interface JetStreamConsumptionOptions {
  broker: ServiceBroker
  logger: Logger
  decode: (data: Buffer) => unknown
  options: TransportOptions
  counters: TransportCounters
  link: JetStreamLink
  names: JetStreamNames
  consumers: JetStreamConsumers
  deadLetters: JetStreamDeadLetters
  spec: StreamSpec
  group: string
  /** Those events of the stream that the group listens to here. */
  events: readonly string[]
}

/** Events in hand beyond those that run, so that a handler need not wait for the next request. */
const PREFETCH = 8
/** How long stopping waits for a request that is under way. */
const REQUEST_MS = 500
const READER_CAPACITY = 64
const REOPEN_BASE_MS = 100
const REOPEN_CAP_MS = 2_000
/** A handler that runs longer than so many ack waits is given up: its event may then run elsewhere. */
const MAX_ACK_WAITS = 10

/** Carries events from a group's consumer to its handlers on this node, and opens the consumer again whenever it is lost. */
export class JetStreamConsumption {
  readonly group: string
  readonly spec: StreamSpec
  readonly #options: JetStreamConsumptionOptions
  /** Of the table: it may miss nothing. Else an ordered reader. */
  readonly #durable: boolean
  readonly #runner: GroupRunner
  /** By sequence; only of a durable group. */
  readonly #inHand = new Map<number, JetStreamDelivery>()
  readonly #abort = new AbortController()
  readonly #subscriptions: Subscription[] = []
  readonly #offReconnect: () => void
  readonly #done: Promise<void>
  #pull: JetStreamPull | undefined
  #epoch: string | undefined
  /** An ordered reader's place: the last sequence that was received. */
  #position = 0
  /** What an ordered reader should have got next was gone: whoever reads has to begin anew. */
  #overtaken = false
  /** Ends waiting while the group is paused. */
  #wake: () => void = () => undefined

  constructor(options: JetStreamConsumptionOptions) {
    const { spec, group } = options
    this.group = group
    this.spec = spec
    this.#options = options
    this.#durable = spec.groups.includes(group)
    const prefetch = spec.retention === 'workqueue' ? 1 : PREFETCH
    this.#runner = new GroupRunner({
      ...options,
      concurrency: this.#durable ? spec.concurrency : 1,
      capacity: this.#durable ? Math.min(prefetch * spec.concurrency, spec.maxAckPending) : READER_CAPACITY,
      maxDeliver: spec.maxDeliver,
      ordered: !this.#durable,
      retry: options.options,
      onSettled: () => this.#pull?.pump()
    })
    this.#offReconnect = options.link.onReconnect(() => this.#wake())
    if (this.#durable) this.#listen()
    this.#done = this.#consume()
  }

  /** Events that handlers have not finished. */
  get held(): number {
    return this.#runner.held
  }

  /** Takes in nothing more, gives back what no handler has begun, and resolves when the others have ended. Idempotent. */
  async stop(): Promise<void> {
    this.#abort.abort()
    this.#wake()
    this.#offReconnect()
    this.#runner.stop()
    await this.#pull?.stop()
    await this.#runner.idle()
    // With the server away it would take longer; the request ends by itself.
    await within(REQUEST_MS, this.#done)
    if (this.#options.link.connection.isClosed()) return
    for (const subscription of this.#subscriptions) subscription.unsubscribe()
  }

  /** Takes what is handed to the group besides its stream, and hears when it is paused or resumed. */
  #listen(): void {
    const { link, names, spec, group } = this.#options
    this.#subscriptions.push(
      takeHandOvers({ ...this.#options, stream: spec.name }),
      link.connection.subscribe(names.groupSubject(spec.name, group), {
        callback: () => {
          this.#pull?.lose('its group was paused or resumed')
          this.#wake()
        }
      })
    )
  }

  async #consume(): Promise<void> {
    const working = setInterval(() => this.#keepWorking(), this.spec.ackWaitMs / 3)
    try {
      for (let failures = 0; !this.#abort.signal.aborted; ) {
        const opened = await this.#openAndPull()
        failures = opened ? 0 : failures + 1
        const pauseMs = Math.min(REOPEN_CAP_MS, REOPEN_BASE_MS * 2 ** Math.min(failures, 10))
        await delay(pauseMs, undefined, { signal: this.#abort.signal }).catch(() => undefined)
      }
    } finally {
      clearInterval(working)
    }
  }

  /** @returns whether the consumer could be opened. Resolves when it is lost again. */
  async #openAndPull(): Promise<boolean> {
    const { link, counters, logger, consumers, options } = this.#options
    try {
      const consumer = await this.#open()
      if (this.#abort.signal.aborted) return true
      const { group } = this
      if (consumer.paused) {
        logger.info(`Group '${group}' of stream '${this.spec.name}' is paused.`)
        await new Promise<void>(resolve => {
          this.#wake = resolve
        })
        return true
      }
      const capacity = this.#runner.free + this.#runner.held
      this.#pull = new JetStreamPull({
        link,
        consumer,
        receiver: this.#receiver(consumer.epoch),
        threshold: Math.max(1, Math.floor(capacity / 4)),
        heartbeatMs: options.heartbeatMs,
        gapless: !this.#durable
      })
      const reason = await this.#pull.lost
      if (!this.#durable) await consumers.closeReader(consumer)
      if (this.#abort.signal.aborted) return true
      counters.reopened++
      logger.info(`Group '${group}' opens its consumer of stream '${this.spec.name}' again: ${reason}`)
      return true
    } catch (error) {
      logger.warn(`Group '${this.group}' cannot consume stream '${this.spec.name}' now: ${(error as Error).message}`)
      return false
    }
  }

  async #open(): Promise<OpenConsumer> {
    const { consumers, broker, events, counters } = this.#options
    const position = this.#epoch === undefined ? undefined : { epoch: this.#epoch, after: this.#position }
    const consumer = await (this.#durable
      ? consumers.openDurable(this.spec, this.group)
      : consumers.openReader(this.spec, position))
    // A reader that cannot continue where it was has to be told, as at a new epoch: its board lacks what it missed.
    const same = consumer.epoch === this.#epoch
    const continues = same && (this.#durable || (consumer.after === this.#position && !this.#overtaken))
    this.#overtaken = false
    if (!continues) {
      if (same) counters.missed += Math.max(0, consumer.after - this.#position)
      await this.#runner.idle()
      this.#epoch = consumer.epoch
      this.#position = consumer.after
      await announceConsuming(broker, events, { group: this.group, epoch: consumer.epoch, after: consumer.after })
    }
    return consumer
  }

  #receiver(epoch: string) {
    const runner = this.#runner
    const receive = (message: Msg, place: MessagePlace) => {
      if (!this.#durable && place.streamSequence !== this.#position + 1) {
        this.#overtake(place.streamSequence)
        return
      }
      this.#position = place.streamSequence
      // A server may deliver an event twice at once when a node leaves its group; one answer settles both.
      if (this.#inHand.has(place.streamSequence)) this.#options.counters.repeated++
      else runner.take(this.#delivery(message, place, epoch))
    }
    return {
      get free() {
        return runner.free
      },
      get heldBytes() {
        return runner.heldBytes
      },
      receive
    }
  }

  /** The events before this one were purged or too old while the reader was on its way to them. */
  #overtake(sequence: number): void {
    if (this.#overtaken) return
    this.#overtaken = true
    this.#options.counters.missed += sequence - 1 - this.#position
    this.#position = sequence - 1
    this.#pull?.lose(`the events before ${sequence} are gone`)
  }

  #delivery(message: Msg, place: MessagePlace, epoch: string): Delivery {
    const { link, deadLetters, broker } = this.#options
    const delivery: JetStreamDelivery = new JetStreamDelivery({
      connection: link.connection,
      message,
      place,
      epoch,
      acknowledges: this.#durable,
      onSettled: () => this.#inHand.delete(delivery.sequence),
      store: async (reason, error, event) => {
        const { group, spec } = this
        const { streamSequence: sequence, deliveryCount: deliveries } = place
        const time = Date.now() * 1_000
        const node = broker.nodeID
        const letter = { stream: spec.name, group, event, reason, error, deliveries, epoch, sequence, node, time }
        await deadLetters.add(spec, letter, delivery.data)
      }
    })
    if (this.#durable) this.#inHand.set(delivery.sequence, delivery)
    return delivery
  }

  #keepWorking(): void {
    const oldest = performance.now() - MAX_ACK_WAITS * this.spec.ackWaitMs
    for (const delivery of this.#inHand.values()) if (delivery.since > oldest) delivery.working()
  }
}
