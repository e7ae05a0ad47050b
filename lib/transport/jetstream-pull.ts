import { createInbox, type Msg, nanos, type Subscription } from 'nats'
import type { JetStreamLink } from './jetstream-link.ts'
import { type MessagePlace, placeOf } from './jetstream-message.ts'
import type { OpenConsumer } from './jetstream-opener.ts'
import { within } from './within.ts'

/** Who takes what is pulled. */
export interface PullReceiver {
  /** How many more messages it would take now. */
  readonly free: number
  /** Bytes that it holds. */
  readonly heldBytes: number
  receive(message: Msg, place: MessagePlace): void
}

export interface PullOptions {
  link: Pick<JetStreamLink, 'connection' | 'maxPayload'>
  consumer: OpenConsumer
  receiver: PullReceiver
  /** Messages that are worth a request. */
  threshold: number
  heartbeatMs: number
  /** An ordered reader's deliveries count without a gap. */
  gapless: boolean
}

/** Draining waits for the server's answer. */
const DRAIN_MS = 1_000
const EXPIRES_MS = 20_000
/** No request is made while the receiver holds so many bytes. */
const HELD_BYTES = 4 * 1024 ** 2
/** Requests at the server at once: it serves the second one while the first is being handled here. */
const LANES = 2
/** Messages of the greatest size that a request may bring, in bytes. */
const MESSAGES_BYTES = 2
/** A 409 that ends the request and not the consumer. */
const REQUEST_OVER = /max ?bytes|batch completed|expired/i

/** One request at a time, with a subscription of its own: it tells which request a message answers. */
interface Lane {
  readonly inbox: string
  readonly subscription: Subscription
  /** Numbers the requests; statuses of older ones are void. */
  request: number
  /** Messages that the open request may still bring. */
  outstanding: number
  /** When the server last answered the request, if only by a heartbeat. One request may go lost while the other one is served. */
  lastSeen: number
}

/**
 * Pulls messages of one consumer: never more than the receiver has room for, so that several nodes share a consumer by how fast
 * they are. Holds at most {@link HELD_BYTES} and what two requests may bring, 2 MiB each for messages of up to 1 MiB. Ends when the
 * consumer is lost in whatever way, or when told; the client's own `consume()` can go silent for ever after a server's restart.
 */
export class JetStreamPull {
  readonly #options: PullOptions
  readonly #lanes: readonly Lane[]
  readonly #watchdog: NodeJS.Timeout
  readonly #lost = Promise.withResolvers<string>()
  #consumerSequence = 0
  #ended = false

  constructor(options: PullOptions) {
    this.#options = options
    this.#lanes = Array.from({ length: LANES }, () => this.#openLane())
    this.#watchdog = setInterval(() => this.#checkSilence(), options.heartbeatMs)
    this.pump()
  }

  /** Resolves with the reason when there is nothing more to expect. */
  get lost(): Promise<string> {
    return this.#lost.promise
  }

  /** Asks for more if there is room. To be called whenever the receiver has settled a message. */
  pump(): void {
    const { receiver, threshold, link } = this.#options
    if (this.#ended || receiver.heldBytes >= HELD_BYTES) return
    const lane = this.#lanes.find(({ outstanding }) => outstanding === 0)
    const room = receiver.free - this.#outstanding
    if (lane === undefined || room < threshold) return
    if (link.connection.isClosed()) this.#end('closed')
    else this.#ask(lane, room)
  }

  /** Ends it from outside: the consumer has to be opened again. */
  lose(reason: string): void {
    this.#end(reason)
  }

  /** Asks for nothing more; messages that are on their way still reach the receiver. */
  async stop(): Promise<void> {
    if (this.#ended) return
    this.#finish()
    await within(DRAIN_MS, this.#drain())
    this.#lost.resolve('stopped')
  }

  get #outstanding(): number {
    return this.#lanes.reduce((sum, { outstanding }) => sum + outstanding, 0)
  }

  #openLane(): Lane {
    const inbox = createInbox()
    const subscription = this.#options.link.connection.subscribe(`${inbox}.*`, {
      callback: (error, message) => {
        if (error !== null) this.#end(`subscription: ${error.message}`)
        else this.#receive(lane, message)
      }
    })
    const lane: Lane = { inbox, subscription, request: 0, outstanding: 0, lastSeen: 0 }
    return lane
  }

  #ask(lane: Lane, batch: number): void {
    const { link, consumer, heartbeatMs } = this.#options
    const request = {
      batch,
      max_bytes: MESSAGES_BYTES * link.maxPayload,
      expires: nanos(EXPIRES_MS),
      idle_heartbeat: nanos(heartbeatMs)
    }
    lane.outstanding = batch
    lane.lastSeen = performance.now()
    link.connection.publish(`$JS.API.CONSUMER.MSG.NEXT.${consumer.stream}.${consumer.name}`, JSON.stringify(request), {
      reply: `${lane.inbox}.${++lane.request}`
    })
  }

  #receive(lane: Lane, message: Msg): void {
    lane.lastSeen = performance.now()
    if (message.subject.startsWith(lane.inbox)) this.#readStatus(lane, message)
    else this.#readMessage(lane, message)
    this.pump()
  }

  #readMessage(lane: Lane, message: Msg): void {
    const place = placeOf(message)
    const next = this.#consumerSequence + 1
    if (place === undefined) {
      this.#end(`unreadable reply subject ${message.reply}`)
    } else if (this.#options.gapless ? place.consumerSequence !== next : place.consumerSequence < next) {
      this.#end(`delivery ${place.consumerSequence} where ${next} was next: another consumer of that name`)
    } else {
      this.#consumerSequence = place.consumerSequence
      lane.outstanding--
      this.#options.receiver.receive(message, place)
    }
  }

  #readStatus(lane: Lane, message: Msg): void {
    const code = message.headers?.code ?? 0
    if (code === 100 || message.subject !== `${lane.inbox}.${lane.request}`) return
    const description = message.headers?.description ?? ''
    const over = code === 404 || code === 408 || (code === 409 && REQUEST_OVER.test(description))
    if (over) lane.outstanding = 0
    else this.#end(`${code} ${description}`)
  }

  #checkSilence(): void {
    const oldest = performance.now() - 2.5 * this.#options.heartbeatMs
    if (this.#outstanding === 0) this.pump()
    else if (this.#lanes.some(({ outstanding, lastSeen }) => outstanding > 0 && lastSeen < oldest)) this.#end('silence')
  }

  /** What was on its way when the connection ended comes again. */
  async #drain(): Promise<void> {
    if (this.#options.link.connection.isClosed()) return
    await Promise.all(this.#lanes.map(({ subscription }) => subscription.drain().catch(() => undefined)))
  }

  #end(reason: string): void {
    if (this.#ended) return
    this.#finish()
    if (!this.#options.link.connection.isClosed()) {
      for (const { subscription } of this.#lanes) subscription.unsubscribe()
    }
    this.#lost.resolve(reason)
  }

  #finish(): void {
    this.#ended = true
    clearInterval(this.#watchdog)
  }
}
