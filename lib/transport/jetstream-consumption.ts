import { setTimeout as delay } from 'node:timers/promises'
import type { Logger, ServiceBroker } from 'moleculer'
import type { Subscription } from 'nats'
import { announceConsuming } from './announce-consuming.ts'
import { ChangeSignal } from './change-signal.ts'
import type { JetStreamDeadLetters } from './jetstream-dead-letters.ts'
import { takeHandOvers } from './jetstream-hand-over.ts'
import { JetStreamIntake } from './jetstream-intake.ts'
import type { JetStreamLink } from './jetstream-link.ts'
import type { JetStreamNames } from './jetstream-names.ts'
import type { ConsumerStanding, JetStreamOpener, OpenConsumer } from './jetstream-opener.ts'
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
  opener: JetStreamOpener
  deadLetters: JetStreamDeadLetters
  spec: StreamSpec
  group: string
  /** Those events of the stream that the group listens to here. */
  events: readonly string[]
}

/** How long stopping waits for a request that is under way. */
const REQUEST_MS = 500
const REOPEN_BASE_MS = 100
const REOPEN_CAP_MS = 2_000
/** After so many heartbeats it is read again how the consumer stands: who tells of a change may go unheard. */
const STANDING_HEARTBEATS = 4

/** Carries events from a group's consumer to its handlers on this node, and opens the consumer again whenever it is lost. */
export class JetStreamConsumption {
  readonly group: string
  readonly spec: StreamSpec
  readonly #options: JetStreamConsumptionOptions
  /** Of the table: it may miss nothing. Else an ordered reader. */
  readonly #durable: boolean
  readonly #intake: JetStreamIntake
  /** Whatever makes void how the consumer was opened. */
  readonly #changes = new ChangeSignal()
  readonly #abort = new AbortController()
  readonly #subscriptions: Subscription[] = []
  readonly #offLink: () => void
  readonly #done: Promise<void>
  #pull: JetStreamPull | undefined
  #paused = false

  constructor(options: JetStreamConsumptionOptions) {
    const { spec, group, link } = options
    this.group = group
    this.spec = spec
    this.#options = options
    this.#durable = spec.groups.includes(group)
    this.#intake = new JetStreamIntake({
      ...options,
      durable: this.#durable,
      onSettled: () => this.#pull?.pump(),
      onOvertaken: reason => this.#changes.raise(reason)
    })
    this.#offLink = link.onChange(up => {
      this.#intake.gate.hold()
      this.#changes.raise(up ? 'reconnected' : 'disconnected')
    })
    if (this.#durable) this.#listen()
    this.#done = this.#consume()
  }

  /** Events that handlers have not finished. */
  get held(): number {
    return this.#intake.runner.held
  }

  /** Takes in nothing more, gives back what no handler has begun, and resolves when the others have ended. Idempotent. */
  async stop(): Promise<void> {
    const { runner, gate } = this.#intake
    this.#abort.abort()
    runner.stop()
    this.#changes.wake()
    await this.#pull?.stop()
    await runner.idle()
    // With the server away it would take longer; the request ends by itself.
    await within(REQUEST_MS, this.#done)
    this.#offLink()
    gate.close()
    if (this.#options.link.connection.isClosed()) return
    for (const subscription of this.#subscriptions) subscription.unsubscribe()
  }

  /** Takes what is handed to the group besides its stream, and hears when its consumer is paused, resumed or another one. */
  #listen(): void {
    const { link, names, spec, group } = this.#options
    this.#subscriptions.push(
      takeHandOvers({ ...this.#options, stream: spec.name }),
      link.connection.subscribe(names.groupSubject(spec.name, group), {
        callback: () => this.#changes.raise('its group was paused or resumed, or begins anew')
      })
    )
  }

  async #consume(): Promise<void> {
    const working = setInterval(() => this.#intake.keepWorking(), this.spec.ackWaitMs / 3)
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

  /** @returns false when the consumer could not be opened. Resolves when it is lost again. */
  async #openAndPull(): Promise<boolean> {
    const { counters, logger, opener, link } = this.#options
    const { group, spec } = this
    let consumer: OpenConsumer | undefined
    try {
      if (!(await link.whenUp(REOPEN_CAP_MS))) return true
      const change = this.#changes.count
      consumer = await this.#open()
      // A connection that was lost meanwhile may have come back to another stream.
      if (this.#changes.count !== change) return true
      this.#intake.gate.open(consumer.epoch)
      if (this.#abort.signal.aborted) return true
      await this.#begin(consumer)
      if (this.#changes.count !== change || this.#abort.signal.aborted) return true
      if (consumer.paused) return await this.#waitPaused(change)
      const reason = await this.#pullUntilLost(consumer)
      // What still runs while this node stops is answered.
      if (this.#abort.signal.aborted) return true
      this.#intake.gate.hold()
      counters.reopened++
      logger.info(`Group '${group}' opens its consumer of stream '${spec.name}' again: ${reason}`)
      return true
    } catch (error) {
      logger.warn(`Group '${group}' cannot consume stream '${spec.name}' now: ${(error as Error).message}`)
      return false
    } finally {
      if (consumer !== undefined && !this.#durable) {
        const closed = opener.closeReader(consumer)
        if (this.#abort.signal.aborted) await closed
      }
    }
  }

  /** Not the same on all nodes, which open at the same time after a restart of the server. */
  get #standingMs(): number {
    return STANDING_HEARTBEATS * this.#options.options.heartbeatMs * (0.8 + 0.4 * Math.random())
  }

  #open(): Promise<OpenConsumer> {
    const { opener } = this.#options
    if (this.#durable) return opener.openDurable(this.spec, this.group)
    return opener.openReader(this.spec, this.#intake.position)
  }

  /** A reader that cannot continue where it was has to be told, as at a new epoch: its board lacks what it missed. */
  async #begin({ epoch, after }: OpenConsumer): Promise<void> {
    const { broker, events } = this.#options
    if (this.#intake.continues({ epoch, after })) return
    await this.#intake.runner.idle()
    this.#intake.begin({ epoch, after })
    await announceConsuming(broker, events, { group: this.group, epoch, after })
  }

  /** Looks again after a while: the word that it goes on may go lost. */
  async #waitPaused(change: number): Promise<true> {
    if (!this.#paused) this.#options.logger.info(`Group '${this.group}' of stream '${this.spec.name}' is paused.`)
    this.#paused = true
    await this.#changes.wait(change, this.#standingMs)
    return true
  }

  /** @returns why it ended: the pull did, or something changed. */
  async #pullUntilLost(consumer: OpenConsumer): Promise<string> {
    const { link, options } = this.#options
    const { runner } = this.#intake
    this.#paused = false
    const pull = new JetStreamPull({
      link,
      consumer,
      receiver: this.#intake,
      threshold: Math.max(1, Math.floor((runner.free + runner.held) / 4)),
      heartbeatMs: options.heartbeatMs,
      gapless: !this.#durable
    })
    this.#pull = pull
    const offChange = this.#changes.onChange(reason => pull.lose(reason))
    const looking = setInterval(() => void this.#checkStanding(consumer), this.#standingMs)
    const reason = await pull.lost
    clearInterval(looking)
    offChange()
    return reason
  }

  async #checkStanding({ epoch, paused }: ConsumerStanding): Promise<void> {
    const { opener, logger } = this.#options
    try {
      const now = await opener.standing(this.spec, this.group)
      if (now.epoch !== epoch) this.#changes.raise('its stream has another epoch')
      else if (now.paused !== paused) this.#changes.raise('its group was paused')
    } catch (error) {
      // The pull notices by itself what is lost.
      logger.debug(`How group '${this.group}' stands cannot be read now.`, error)
    }
  }
}
