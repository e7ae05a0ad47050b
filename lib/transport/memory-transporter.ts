import { randomBytes } from 'node:crypto'
import { Transporters } from 'moleculer'
import { DeadLetterBox } from './dead-letter-box.ts'
import { MESSAGE_ID_HEADER } from './delivery.ts'
import { decodeEvent, EventEncoder } from './event-encoder.ts'
import { handOverHere } from './hand-over.ts'
import { type EventPayload, localGroups } from './local-handlers.ts'
import { MemoryConsumption } from './memory-consumption.ts'
import { nextOf, sequenceBefore } from './memory-read.ts'
import { MemoryStream } from './memory-stream.ts'
import type { StreamControl, StreamTransport } from './stream-control.ts'
import { streamOf } from './stream-spec.ts'
import { newTransportCounters } from './transport-counters.ts'
import { TransportError } from './transport-error.ts'
import { type GivenOptions, type TransportOptions, transportOptions } from './transport-options.ts'
import { within } from './within.ts'

type Packet = Parameters<Transporters.Base['prepublish']>[0]

/** How Moleculer's transit waits for its first connection. */
interface ConnectingTransit {
  connected: boolean
  isReady: boolean
  __connectResolve?: ((nothing: null) => void) | null
  makeSubscriptions(): Promise<void>
}

/** What a node sends to itself; discovery has nobody to find. */
const LOOPED = new Set<string>(['REQ', 'RES', 'EVENT'])

/**
 * The transporter of a node that is alone: the contract of the JetStream one over bounded streams in memory.
 *
 * Requests and plain events go straight to this node's handlers. A durable event is encoded once, so that publisher and
 * handlers share no object, and its emit resolves when the stream holds it. What is stored ends with the process; `drain`
 * finishes it first.
 */
export class MemoryTransporter extends Transporters.Base implements StreamTransport {
  readonly control: StreamControl
  readonly #options: TransportOptions
  readonly #encoder: EventEncoder
  readonly #counters = newTransportCounters()
  readonly #deadLetters: DeadLetterBox
  readonly #streams: MemoryStream[]
  readonly #consumptions = new Map<string, MemoryConsumption>()
  #consuming = false
  #drained: Promise<void> | undefined
  #onSettled: () => void = () => undefined

  constructor(options: GivenOptions) {
    super()
    this.hasBuiltInBalancer = true
    this.#options = transportOptions(options)
    this.#encoder = new EventEncoder(this, this.#options.codecs)
    this.#deadLetters = new DeadLetterBox(this.#options.deadLetterDir, this.#counters)
    this.#streams = this.#options.streams.map(
      spec =>
        new MemoryStream({
          spec,
          epoch: randomBytes(6).toString('hex'),
          maxBytes: Math.min(spec.maxBytes, this.#options.memoryBytes),
          publishDeadlineMs: this.#options.publishDeadlineMs,
          counters: this.#counters,
          now: () => performance.now(),
          wallNow: () => Date.now() * 1_000
        })
    )
    for (const stream of this.#streams) {
      stream.onAppend = () => {
        for (const consumption of this.#consumptions.values()) if (consumption.stream === stream) consumption.pump()
      }
    }
    this.control = {
      ensureStreams: async () => undefined,
      streams: async () => this.#streams.map(stream => stream.state()),
      // Appending makes its own room.
      makeRoom: async () => 0,
      purge: async (stream, upTo) => this.#stream(stream).purge(upTo),
      setPaused: async (stream, group, paused) => this.#cursor(stream, group).setPaused(paused),
      next: async (stream, after) => nextOf(this.#stream(stream), after),
      sequenceBefore: async (stream, time) => sequenceBefore(this.#stream(stream), time),
      handOver: (_stream, group, data, place) =>
        handOverHere(this.broker, encoded => this.#encoder.decode(encoded), group, data, place),
      decode: data => decodeEvent(this.#encoder, data),
      deadLetters: this.#deadLetters,
      counters: () => ({ ...this.#counters })
    }
  }

  async connect(): Promise<void> {
    this.connected = true
    const transit = this.transit as unknown as ConnectingTransit
    if (transit.__connectResolve == null) return super.onConnected()
    // Moleculer would now wait half a second for other nodes to answer; a node that is alone has none.
    await transit.makeSubscriptions()
    transit.connected = true
    transit.isReady = true
    await this.broker.broadcastLocal('$transporter.connected', { wasReconnect: false })
    transit.__connectResolve(null)
    transit.__connectResolve = null
  }

  async disconnect(): Promise<void> {
    this.connected = false
    for (const stream of this.#streams) {
      stream.close()
      for (const cursor of stream.durable) cursor.close()
    }
  }

  async subscribe(): Promise<void> {}
  async subscribeBalancedRequest(): Promise<void> {}
  async subscribeBalancedEvent(): Promise<void> {}
  async send(): Promise<void> {}

  groupsOf(event: string): readonly string[] | undefined {
    return streamOf(event, this.#options.streams)?.groups
  }

  startConsuming(): void {
    this.#consuming = true
    this.#reconcile()
  }

  /** Moleculer calls it whenever the local services changed. */
  override async makeBalancedSubscriptions(): Promise<void> {
    this.#reconcile()
  }

  override prepublish(packet: Packet): Promise<void> {
    if (!this.connected || packet.type !== 'EVENT' || packet.target != null) return super.prepublish(packet)
    const payload: EventPayload = packet.payload
    if (streamOf(payload.event, this.#options.streams) !== undefined) return this.#append(packet)
    for (const group of payload.groups ?? []) this.#loop({ ...packet, payload: { ...payload, groups: [group] } })
    return Promise.resolve()
  }

  override async publishBalancedRequest(packet: Packet): Promise<void> {
    this.#loop(packet)
  }

  override async publish(packet: Packet): Promise<void> {
    if (LOOPED.has(packet.type) && (packet.target == null || packet.target === this.nodeID)) this.#loop(packet)
  }

  drain(): Promise<void> {
    this.#drained ??= this.#drain()
    return this.#drained
  }

  #stream(name: string): MemoryStream {
    const stream = this.#streams.find(({ spec }) => spec.name === name)
    if (stream !== undefined) return stream
    const names = this.#streams.map(({ spec }) => spec.name).join(', ')
    throw new TransportError('unknown_stream', `expected one of ${names}, got ${name}`)
  }

  #cursor(name: string, group: string): MemoryStream['durable'][number] {
    const { durable } = this.#stream(name)
    const cursor = durable.find(one => one.group === group)
    if (cursor !== undefined) return cursor
    const names = durable.map(one => one.group).join(', ')
    throw new TransportError('unknown_stream', `expected one of ${names}, got ${group}`)
  }

  #loop(packet: Packet): void {
    packet.payload.ver = this.broker.PROTOCOL_VERSION
    packet.payload.sender = this.nodeID
    setImmediate(() => {
      this.transit.messageHandler(packet.type, packet).catch((error: unknown) => {
        this.logger.error(`A ${packet.type} packet to this node failed.`, error)
      })
    })
  }

  async #append(packet: Packet): Promise<void> {
    const payload: EventPayload = packet.payload
    const stream = this.#streams.find(({ spec }) => spec.events.includes(payload.event))
    try {
      const stored = await stream?.append(payload.event, this.#encode(packet), messageIdOf(payload))
      if (stored === false) this.#counters.duplicates++
      this.#counters.published++
    } catch (error) {
      this.#counters.publishFailures++
      throw error
    }
  }

  #encode(packet: Packet): Buffer {
    let data: Buffer
    try {
      data = this.#encoder.encode(packet)
    } catch (error) {
      throw new TransportError('encode_failed', `event ${packet.payload.event} cannot be encoded`, { cause: error })
    }
    const limit = this.#options.memoryPayloadBytes
    if (data.length <= limit) return data
    throw new TransportError(
      'too_large',
      `event ${packet.payload.event}: expected at most ${limit} bytes, got ${data.length}`
    )
  }

  /** Makes the consumptions those of the groups that listen here now. A stopping broker's are left to `drain`. */
  #reconcile(): void {
    if (!this.#consuming || !this.broker.started) return
    for (const stream of this.#streams) {
      const groups = localGroups(this.broker, stream.spec)
      for (const [group, events] of groups) this.#open(stream, group, events)
      for (const [id, consumption] of this.#consumptions) {
        if (consumption.stream !== stream || groups.has(consumption.cursor.group)) continue
        this.#consumptions.delete(id)
        void consumption.stop()
      }
    }
  }

  #open(stream: MemoryStream, group: string, events: readonly string[]): void {
    const id = `${stream.spec.name} ${group}`
    if (this.#consumptions.has(id)) return
    const consumption = new MemoryConsumption({
      broker: this.broker,
      logger: this.logger,
      decode: data => this.#encoder.decode(data),
      options: this.#options,
      counters: this.#counters,
      stream,
      deadLetters: this.#deadLetters,
      group,
      events,
      onSettled: () => this.#onSettled()
    })
    this.#consumptions.set(id, consumption)
    void consumption.start()
  }

  /** First the work queues, whose running handlers may still publish; then what is stored in the other streams. */
  async #drain(): Promise<void> {
    const end = performance.now() + this.#options.stopBudgetMs
    const consumptions = [...this.#consumptions.values()]
    const isWork = (consumption: MemoryConsumption) => consumption.stream.spec.retention === 'workqueue'
    await within(this.#options.stopBudgetMs / 2, Promise.all(consumptions.filter(isWork).map(work => work.stop())))

    for (const stream of this.#streams) stream.close()
    const durable = consumptions.filter(consumption => !isWork(consumption) && consumption.durable)
    for (const { cursor } of durable) cursor.hurry()
    const finished = new Promise<void>(resolve => {
      this.#onSettled = () => {
        // A paused group would not finish, however long one waited.
        if (durable.every(({ cursor, stream }) => cursor.paused || cursor.ackFloor >= stream.lastSequence)) resolve()
      }
      this.#onSettled()
    })
    await within(end - performance.now(), finished)
    const rest = consumptions.filter(consumption => !isWork(consumption))
    await within(end - performance.now(), Promise.all(rest.map(consumption => consumption.stop())))
    this.#countAbandoned()
  }

  #countAbandoned(): void {
    for (const { spec, durable } of this.#streams) {
      for (const { group, pending } of durable.map(cursor => cursor.state())) {
        if (pending === 0) continue
        this.#counters.abandoned += pending
        this.logger.warn(
          `Stopped with ${pending} events of stream '${spec.name}' that group '${group}' did not finish.`
        )
      }
    }
  }
}

function messageIdOf(payload: EventPayload): string | undefined {
  const id = payload.headers?.[MESSAGE_ID_HEADER]
  return typeof id === 'string' && id !== '' ? id : undefined
}
