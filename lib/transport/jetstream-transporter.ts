import { Transporters } from 'moleculer'
import type { ConnectionOptions, NatsConnection, Subscription } from 'nats'
import { MESSAGE_ID_HEADER } from './delivery.ts'
import { decodeEvent, EventEncoder } from './event-encoder.ts'
import { JetStreamConsumption } from './jetstream-consumption.ts'
import { type JetStreamSession, openSession } from './jetstream-session.ts'
import { type EventPayload, localGroups } from './local-handlers.ts'
import type { StreamControl, StreamTransport } from './stream-control.ts'
import { streamOf } from './stream-spec.ts'
import { newTransportCounters } from './transport-counters.ts'
import { TransportError } from './transport-error.ts'
import { type GivenOptions, type TransportOptions, transportOptions } from './transport-options.ts'
import { within } from './within.ts'

type Packet = Parameters<Transporters.Base['prepublish']>[0]

/**
 * Moleculer's NATS transporter with durable events. Requests, discovery, plain events and broadcasts stay on core NATS; an event
 * of the stream table is published once to JetStream, and its emit resolves with the server's acknowledgement.
 */
export class JetStreamTransporter extends Transporters.NATS implements StreamTransport {
  readonly control: StreamControl
  readonly #options: TransportOptions
  readonly #encoder: EventEncoder
  readonly #counters = newTransportCounters()
  readonly #consumptions = new Map<string, JetStreamConsumption>()
  /** The subscriptions to actions and plain events of this node's services, by what they are for. */
  readonly #subscribed = new Map<string, Subscription>()
  #session: JetStreamSession | undefined
  #consuming = false
  #drained: Promise<void> | undefined

  constructor(connection: ConnectionOptions, options: GivenOptions) {
    super({ ...CONNECTION_DEFAULTS, ...connection })
    this.#options = transportOptions(options)
    this.#encoder = new EventEncoder(this, this.#options.codecs)
    const now = () => this.#connected()
    this.control = {
      ensureStreams: async () => now().ensureAll(),
      streams: async () => now().control.streams(),
      makeRoom: async () => now().control.makeRoom(),
      purge: async (stream, upTo) => now().control.purge(stream, upTo),
      setPaused: async (stream, group, paused) => now().control.setPaused(stream, group, paused),
      next: async (stream, after) => now().control.next(stream, after),
      sequenceBefore: async (stream, time) => now().control.sequenceBefore(stream, time),
      handOver: async (stream, group, data, place) => now().control.handOver(stream, group, data, place),
      decode: data => decodeEvent(this.#encoder, data),
      deadLetters: {
        page: async (after, limit) => now().deadLetters.page(after, limit),
        read: async number => now().deadLetters.read(number),
        remove: async number => now().deadLetters.remove(number)
      },
      counters: () => ({ ...this.#counters })
    }
  }

  override async onConnected(wasReconnect?: boolean): Promise<void> {
    const connection: NatsConnection = this.client
    this.#subscribed.clear()
    try {
      const { prefix, logger } = this
      const session = await openSession({
        connection,
        prefix,
        logger,
        options: this.#options,
        counters: this.#counters
      })
      await session.ensureAll()
      session.link.onChange(up => {
        // Moleculer refuses at once then what is asked for, instead of filling the client's boundless buffer with it.
        this.connected = up
        if (up) this.#counters.reconnects++
      })
      this.#session = session
    } catch (error) {
      // Moleculer connects again after a pause, with another connection.
      await connection.close()
      throw error
    }
    await super.onConnected(wasReconnect)
  }

  override async disconnect(): Promise<void> {
    await this.drain()
    const connection: NatsConnection | null = this.client
    try {
      // It flushes first, which fails or lasts for ever while the server is away.
      await within(FLUSH_MS, super.disconnect())
    } catch (error) {
      this.logger.debug('The last flush failed.', error)
    } finally {
      await connection?.close()
    }
    this.#session = undefined
  }

  groupsOf(event: string): readonly string[] | undefined {
    return streamOf(event, this.#options.streams)?.groups
  }

  startConsuming(): void {
    this.#consuming = true
    this.#reconcile()
  }

  drain(): Promise<void> {
    this.#drained ??= this.#drain()
    return this.#drained
  }

  /**
   * Moleculer calls it whenever the local services changed. What goes on being wanted keeps its subscription, and what ends
   * still answers what the server has sent already: a request on its way would otherwise be lost.
   */
  override async makeBalancedSubscriptions(): Promise<void> {
    const wanted = new Map<string, () => unknown>()
    const services: readonly LocalService[] = this.broker.getLocalNodeInfo().services as object[]
    for (const { name = '', actions, events } of services) {
      for (const action of Object.keys(actions ?? {})) {
        wanted.set(`action ${action}`, () => this.subscribeBalancedRequest(action))
      }
      for (const [event, { group = name }] of Object.entries(events ?? {})) {
        wanted.set(`event ${group} ${event}`, () => this.subscribeBalancedEvent(event, group))
      }
    }
    for (const [id, subscription] of this.#subscribed) {
      if (wanted.has(id)) continue
      this.#subscribed.delete(id)
      subscription
        .drain()
        .catch((error: unknown) => this.logger.debug(`The subscription to ${id} did not drain.`, error))
    }
    for (const [id, subscribe] of wanted) {
      if (this.#subscribed.has(id)) continue
      subscribe()
      const subscription = this.subscriptions.pop()
      if (subscription !== undefined) this.#subscribed.set(id, subscription)
    }
    this.#reconcile()
  }

  override async subscribeBalancedEvent(event: string, group: string): Promise<void> {
    if (streamOf(event, this.#options.streams) === undefined) await super.subscribeBalancedEvent(event, group)
  }

  override prepublish(packet: Packet): Promise<void> {
    if (packet.type === 'EVENT' && packet.target == null) {
      const payload: EventPayload = packet.payload
      if (streamOf(payload.event, this.#options.streams) !== undefined) return this.#publishDurable(packet)
    }
    return super.prepublish(packet)
  }

  async #publishDurable(packet: Packet): Promise<void> {
    const payload: EventPayload = packet.payload
    const spec = streamOf(payload.event, this.#options.streams)
    const session = this.#session
    if (spec === undefined || session === undefined) {
      throw new TransportError('unconfirmed', `event ${payload.event}: not connected`)
    }
    let data: Buffer
    try {
      data = this.#encoder.encode(packet)
    } catch (error) {
      this.#counters.publishFailures++
      throw new TransportError('encode_failed', `event ${payload.event} cannot be encoded`, { cause: error })
    }
    const id = payload.headers?.[MESSAGE_ID_HEADER]
    await session.publisher.publish(spec, payload.event, data, typeof id === 'string' && id !== '' ? id : payload.id)
  }

  /** Makes the consumptions those of the groups that listen here now. A stopping broker's are left to `drain`. */
  #reconcile(): void {
    const session = this.#session
    if (session === undefined || !this.#consuming || !this.broker.started) return
    for (const spec of this.#options.streams) {
      const groups = localGroups(this.broker, spec)
      for (const [group, events] of groups) {
        const id = `${spec.name} ${group}`
        if (this.#consumptions.has(id)) continue
        this.#consumptions.set(
          id,
          new JetStreamConsumption({
            ...session,
            broker: this.broker,
            logger: this.logger,
            decode: data => this.#encoder.decode(data),
            options: this.#options,
            counters: this.#counters,
            spec,
            group,
            events
          })
        )
      }
      for (const [id, consumption] of this.#consumptions) {
        if (consumption.spec !== spec || groups.has(consumption.group)) continue
        this.#consumptions.delete(id)
        void consumption.stop()
      }
    }
  }

  async #drain(): Promise<void> {
    const consumptions = [...this.#consumptions.values()]
    await within(this.#options.stopBudgetMs, Promise.all(consumptions.map(consumption => consumption.stop())))
    for (const { held, spec, group } of consumptions) {
      if (held === 0) continue
      this.#counters.abandoned += held
      this.logger.warn(
        `Stopped with ${held} events of stream '${spec.name}' in hand of group '${group}'; they come again.`
      )
    }
  }

  #connected(): JetStreamSession {
    if (this.#session === undefined) throw new TransportError('unconfirmed', 'not connected')
    return this.#session
  }
}

interface LocalService {
  name?: string
  actions?: Record<string, unknown>
  events?: Record<string, { group?: string }>
}

const FLUSH_MS = 1_000

const CONNECTION_DEFAULTS = {
  maxReconnectAttempts: -1,
  reconnectTimeWait: 250,
  // Else a second refused login ends the connection for good, and the node goes on deaf when the server knows the user again.
  ignoreAuthErrorAbort: true,
  // A server that vanished without a word is noticed within 30 s.
  pingInterval: 10_000,
  maxPingOut: 2
} as const satisfies ConnectionOptions
