import type { Msg } from 'nats'
import type { AnswerGate } from './answer-gate.ts'
import type { DeadLetterReason } from './dead-letter.ts'
import type { Delivery } from './group-runner.ts'
import { ACK, type MessagePlace, nakBody, TERM, WORKING } from './jetstream-message.ts'

export interface JetStreamDeliveryOptions {
  /** Takes the answers; none where the consumer waits for no acknowledgements. */
  gate: AnswerGate | undefined
  message: Msg
  place: MessagePlace
  epoch: string
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
    const { gate, message } = this.#options
    gate?.mention(message, this.epoch, WORKING)
  }

  /** What the server does not hear, it delivers again. */
  #settle(body: string): void {
    const { gate, message, onSettled } = this.#options
    gate?.settle(message, this.epoch, body)
    onSettled()
  }
}
