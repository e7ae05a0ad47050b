import type { Logger, ServiceBroker } from 'moleculer'
import { announceConsuming } from './announce-consuming.ts'
import type { DeadLetterBox } from './dead-letter-box.ts'
import { GroupRunner } from './group-runner.ts'
import type { MemoryCursor } from './memory-cursor.ts'
import type { HeldEvent, MemoryStream } from './memory-stream.ts'
import type { TransportCounters } from './transport-counters.ts'
import type { TransportOptions } from './transport-options.ts'

export interface MemoryConsumptionOptions {
  broker: ServiceBroker
  logger: Logger
  decode: (data: Buffer) => unknown
  options: TransportOptions
  counters: TransportCounters
  stream: MemoryStream
  deadLetters: DeadLetterBox
  group: string
  /** Those events of the stream that the group listens to here. */
  events: readonly string[]
  /** Called whenever an event is settled. */
  onSettled: () => void
}

/** Carries events from a group's cursor to its handlers on this node, as far as they keep up. */
export class MemoryConsumption {
  readonly stream: MemoryStream
  readonly cursor: MemoryCursor<HeldEvent>
  /** Whether the group is of the table and so may miss nothing. */
  readonly durable: boolean
  readonly #runner: GroupRunner
  readonly #options: MemoryConsumptionOptions
  #scheduled = false
  #open = false
  /** Events that the cursor stepped over because they were gone. */
  #forgotten: number

  constructor(options: MemoryConsumptionOptions) {
    const { stream, group } = options
    const { spec } = stream
    const durable = stream.durable.find(cursor => cursor.group === group)
    this.#options = options
    this.stream = stream
    this.durable = durable !== undefined
    this.cursor = durable ?? stream.openReader(group)
    this.#runner = new GroupRunner({
      ...options,
      concurrency: this.durable ? spec.concurrency : 1,
      capacity: this.durable ? spec.concurrency : 1,
      maxDeliver: spec.maxDeliver,
      ordered: !this.durable,
      retry: options.options,
      onSettled: () => {
        this.pump()
        options.onSettled()
      }
    })
    this.#forgotten = this.cursor.forgotten
    this.cursor.onReady = () => this.pump()
  }

  /** Announces itself, then begins. */
  async start(): Promise<void> {
    const { broker, events, group, stream } = this.#options
    await announceConsuming(broker, events, { group, epoch: stream.epoch, after: this.cursor.ackFloor })
    this.#open = true
    this.pump()
  }

  /** Takes what the handlers have room for, soon. */
  pump(): void {
    if (this.#scheduled || !this.#open) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      if (this.cursor.forgotten === this.#forgotten) while (this.#runner.free > 0 && this.#takeOne());
      else if (this.#open) void this.#beginAnew()
    })
  }

  /** A reader that was overtaken is told before the next event: it lacks what was between. */
  async #beginAnew(): Promise<void> {
    this.#open = false
    this.#forgotten = this.cursor.forgotten
    await this.#runner.idle()
    await this.start()
  }

  /** Takes in nothing more and resolves when the running handlers have ended. What is not acknowledged stays in the stream. */
  async stop(): Promise<void> {
    this.#open = false
    this.#runner.stop()
    await this.#runner.idle()
    if (!this.durable) this.stream.closeReader(this.cursor)
  }

  #takeOne(): boolean {
    const taken = this.cursor.take()
    if (taken === undefined) return false
    const { entry, sequence, count } = taken
    const { stream, group, deadLetters, broker } = this.#options
    this.#runner.take({
      data: entry.data,
      epoch: stream.epoch,
      sequence,
      count,
      ack: () => this.cursor.ack(sequence),
      nak: delayMs => this.cursor.nak(sequence, delayMs),
      bury: async (reason, error, event) => {
        await deadLetters.add(
          {
            stream: stream.spec.name,
            group,
            event,
            reason,
            error,
            deliveries: count,
            epoch: stream.epoch,
            sequence,
            node: broker.nodeID,
            time: Date.now() * 1_000,
            bytes: entry.data.length
          },
          entry.data
        )
        this.cursor.ack(sequence)
      }
    })
    return true
  }
}
