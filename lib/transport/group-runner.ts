import { setTimeout as delay } from 'node:timers/promises'
import type { Logger, ServiceBroker } from 'moleculer'
import { DEAD_LETTER_ERROR_CHARACTERS, type DeadLetterReason } from './dead-letter.ts'
import { isEventPayload, type Outcome, runHandlers } from './local-handlers.ts'
import type { TransportCounters } from './transport-counters.ts'
import type { TransportOptions } from './transport-options.ts'

/** One event on its way to a group, with the ways to settle it. Exactly one of `ack`, `nak` and a fulfilled `bury` settles it. */
export interface Delivery {
  /** The encoded packet. */
  readonly data: Buffer
  readonly epoch: string
  readonly sequence: number
  /** 1 for the first delivery. */
  readonly count: number
  ack(): void
  nak(delayMs: number): void
  /** Moves it to the dead letters; rejects when they could not take it, and then nothing has changed. */
  bury(reason: DeadLetterReason, error: string, event: string | null): Promise<void>
}

export interface RunnerOptions {
  broker: ServiceBroker
  logger: Logger
  /** Reads an encoded packet's payload. May throw. */
  decode: (data: Buffer) => unknown
  group: string
  /** Handlers that run at the same time. */
  concurrency: number
  /** Events that may be here at the same time, running or waiting. */
  capacity: number
  /** The deliveries after which an event that keeps failing is given up. */
  maxDeliver: number
  /** A group outside the table: one event after the other; what fails is repeated in its place, and left behind in the end. */
  ordered: boolean
  retry: Pick<TransportOptions, 'retryBaseMs' | 'retryCapMs'>
  counters: TransportCounters
  /** Called whenever an event is settled. */
  onSettled: () => void
}

/** How often a group outside the table tries an event in its place. */
const ORDERED_ATTEMPTS = 3
/** How long an event waits for a handler of its group to appear. */
const UNHANDLED_DELAY_MS = 1_000
/**
 * The deliveries of an event include those that only waited, for a database or a handler. So it is given up only after it has also
 * failed so often on this node by an error of its own.
 */
const OWN_FAILURES = 3
/** Events whose failures are remembered; the oldest is forgotten first, and so only tried more often. */
const MAX_FAILING = 1_024

/**
 * Runs the handlers of one group on this node: several at a time, never more than `capacity` events in hand, and settles each
 * event by how its handler ended. Errors never leave it.
 */
export class GroupRunner {
  readonly #options: RunnerOptions
  readonly #waiting: Delivery[] = []
  readonly #running = new Set<Delivery>()
  /** By epoch and sequence: how often an event failed here by an error of its own. */
  readonly #failing = new Map<string, number>()
  #idle: (() => void)[] = []
  #bytes = 0
  #stopped = false

  constructor(options: RunnerOptions) {
    this.#options = options
  }

  /** How many more events may be taken now. */
  get free(): number {
    return this.#stopped ? 0 : Math.max(0, this.#options.capacity - this.held)
  }

  /** Events in hand. */
  get held(): number {
    return this.#waiting.length + this.#running.size
  }

  /** Encoded bytes in hand. */
  get heldBytes(): number {
    return this.#bytes
  }

  take(delivery: Delivery): void {
    if (this.#stopped) {
      delivery.nak(0)
      return
    }
    this.#waiting.push(delivery)
    this.#bytes += delivery.data.length
    this.#next()
  }

  /** Resolves when nothing is in hand. */
  async idle(): Promise<void> {
    if (this.held > 0) await new Promise<void>(resolve => this.#idle.push(resolve))
  }

  /** Gives back what no handler has begun, and takes nothing more. */
  stop(): void {
    this.#stopped = true
    for (const delivery of this.#waiting.splice(0)) {
      this.#bytes -= delivery.data.length
      delivery.nak(0)
    }
    this.#wakeIdle()
  }

  #next(): void {
    while (this.#running.size < this.#options.concurrency) {
      const delivery = this.#waiting.shift()
      if (delivery === undefined) return
      this.#running.add(delivery)
      void this.#run(delivery)
    }
  }

  async #run(delivery: Delivery): Promise<void> {
    const { logger, group, onSettled } = this.#options
    try {
      await (this.#options.ordered ? this.#runOrdered(delivery) : this.#runOnce(delivery))
    } catch (error) {
      logger.error(`Settling an event of group '${group}' failed.`, error)
      delivery.nak(this.#retryDelay(delivery.count))
    } finally {
      this.#running.delete(delivery)
      this.#bytes -= delivery.data.length
      this.#next()
      this.#wakeIdle()
      onSettled()
    }
  }

  async #runOnce(delivery: Delivery): Promise<void> {
    const { counters, maxDeliver, logger, group } = this.#options
    const { outcome, event } = await this.#handle(delivery, delivery.count)
    if (outcome.kind === 'handled') {
      delivery.ack()
      counters.acknowledged++
    } else if (outcome.kind === 'unhandled') {
      counters.unhandled++
      delivery.nak(UNHANDLED_DELAY_MS)
    } else if (outcome.retry === 'never' || (outcome.retry === 'counted' && this.#isHopeless(delivery, maxDeliver))) {
      await this.#bury(delivery, outcome.retry === 'never' ? neverReason(event) : 'failed', outcome.error, event)
    } else {
      counters.failed++
      logger.debug(`A handler of group '${group}' failed.`, outcome.error)
      delivery.nak(this.#retryDelay(delivery.count))
    }
  }

  /** Counts a failure of an event. @returns whether it was the last that is allowed. */
  #isHopeless({ epoch, sequence, count }: Delivery, maxDeliver: number): boolean {
    const id = `${epoch} ${sequence}`
    const failures = (this.#failing.get(id) ?? 0) + 1
    this.#failing.delete(id)
    if (count >= maxDeliver && failures >= Math.min(OWN_FAILURES, maxDeliver)) return true
    this.#failing.set(id, failures)
    const [oldest] = this.#failing.keys()
    if (this.#failing.size > MAX_FAILING && oldest !== undefined) this.#failing.delete(oldest)
    return false
  }

  async #runOrdered(delivery: Delivery): Promise<void> {
    const { counters, logger, group } = this.#options
    for (let attempt = 1; !this.#stopped; attempt++) {
      const { outcome, event } = await this.#handle(delivery, attempt)
      if (outcome.kind === 'handled') counters.acknowledged++
      if (outcome.kind === 'unhandled') counters.unhandled++
      if (outcome.kind !== 'failed') return delivery.ack()
      if (outcome.retry === 'never' || attempt === ORDERED_ATTEMPTS) {
        counters.skipped++
        logger.warn(`Group '${group}' left out '${event}' ${delivery.sequence}: ${outcome.error.message}`)
        return delivery.ack()
      }
      counters.failed++
      await delay(this.#retryDelay(attempt))
    }
  }

  async #handle(delivery: Delivery, count: number): Promise<{ outcome: Outcome; event: string | null }> {
    const { broker, decode, group, counters } = this.#options
    let payload: unknown
    try {
      payload = decode(delivery.data)
    } catch (error) {
      return { outcome: { kind: 'failed', error: error as Error, retry: 'never' }, event: null }
    }
    if (!isEventPayload(payload, broker)) {
      const error = new Error(`expected an event of protocol ${broker.PROTOCOL_VERSION}`)
      return { outcome: { kind: 'failed', error, retry: 'never' }, event: null }
    }
    counters.delivered++
    if (count > 1) counters.redelivered++
    const outcome = await runHandlers(broker, payload, group, {
      'stream-epoch': delivery.epoch,
      'stream-sequence': delivery.sequence,
      'delivery-count': count
    })
    return { outcome, event: payload.event }
  }

  async #bury(delivery: Delivery, reason: DeadLetterReason, error: Error, event: string | null): Promise<void> {
    const { counters, logger, group } = this.#options
    try {
      await delivery.bury(reason, error.message.slice(0, DEAD_LETTER_ERROR_CHARACTERS), event)
      counters.deadLettered++
      logger.warn(`Group '${group}' gave up '${event}' ${delivery.sequence} (${reason}): ${error.message}`)
    } catch (refusal) {
      counters.deadLetterFailures++
      logger.error(`The dead letters of group '${group}' could not take an event; it stays in the stream.`, refusal)
      delivery.nak(this.#retryDelay(delivery.count))
    }
  }

  #retryDelay(count: number): number {
    const { retryBaseMs, retryCapMs } = this.#options.retry
    return Math.min(retryCapMs, retryBaseMs * 2 ** Math.min(count - 1, 20))
  }

  #wakeIdle(): void {
    if (this.held > 0) return
    const idle = this.#idle
    this.#idle = []
    for (const resolve of idle) resolve()
  }
}

function neverReason(event: string | null): DeadLetterReason {
  return event === null ? 'unreadable' : 'invalid'
}
