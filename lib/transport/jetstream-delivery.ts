import type { Msg, NatsConnection } from 'nats'
import type { DeadLetterReason } from './dead-letter.ts'
import type { Delivery } from './group-runner.ts'
import { ACK, type MessagePlace, nakBody, TERM, WORKING } from './jetstream-message.ts'

export interface JetStreamDeliveryOptions {
  connection: NatsConnection
  message: Msg
  place: MessagePlace
  epoch: string
  /** Whether its consumer waits for acknowledgements. */
  acknowledges: boolean
  /** Stores the dead letter. */
  store: (reason: DeadLetterReason, error: string, event: string | null) => Promise<void>
  onSettled: () => void
}

/** A message of JetStream in the hands of a group's runner. */
export class JetStreamDelivery implements Delivery {
  readonly data: Buffer
  readonly epoch: string
  readonly sequence: number
  readonly count: number
  /** When it came, by `performance.now()`. */
  readonly since = performance.now()
  readonly #options: JetStreamDeliveryOptions

  constructor(options: JetStreamDeliveryOptions) {
    const { data } = options.message
    this.#options = options
    this.data = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    this.epoch = options.epoch
    this.sequence = options.place.streamSequence
    this.count = options.place.deliveryCount
  }

  ack(): void {
    this.#settle(ACK)
  }

  nak(delayMs: number): void {
    this.#settle(nakBody(delayMs))
  }

  async bury(reason: DeadLetterReason, error: string, event: string | null): Promise<void> {
    await this.#options.store(reason, error, event)
    this.#settle(TERM)
  }

  /** Tells the server that a handler is still at it. */
  working(): void {
    this.#respond(WORKING)
  }

  #settle(body: string): void {
    this.#respond(body)
    this.#options.onSettled()
  }

  /** What the server does not hear, it delivers again. */
  #respond(body: string): void {
    const { acknowledges, connection, message } = this.#options
    if (acknowledges && !connection.isClosed()) message.respond(body)
  }
}
