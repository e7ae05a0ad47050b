import type { TransportCounters } from './transport-counters.ts'

/** A message to answer, as far as it is needed here. */
export interface Answerable {
  respond(payload: string): unknown
}

interface Closable {
  isClosed(): boolean
}

interface Answer {
  message: Answerable
  body: string
  epoch: string
}

/**
 * Between the deliveries of a consumer and the server: an answer names nothing but a sequence, and while the connection or the consumer is
 * lost nobody knows whether that still is the same event. A stream that was made anew would take it for one of its own. So
 * answers wait until the epoch has been read again; those of another epoch are dropped, as their events come again or are gone.
 */
export class AnswerGate {
  readonly #connection: Closable
  readonly #counters: Pick<TransportCounters, 'answersDropped'>
  /** At most one for each event in hand. */
  #held: Answer[] = []
  #epoch: string | undefined

  constructor(connection: Closable, counters: Pick<TransportCounters, 'answersDropped'>) {
    this.#connection = connection
    this.#counters = counters
  }

  /** Answers of this epoch pass from now on. */
  open(epoch: string): void {
    this.#epoch = epoch
    const held = this.#held
    this.#held = []
    for (const answer of held) this.settle(answer.message, answer.epoch, answer.body)
  }

  /** Nothing passes until it is opened again. */
  hold(): void {
    this.#epoch = undefined
  }

  /** The last word on a message. */
  settle(message: Answerable, epoch: string, body: string): void {
    if (this.#epoch === undefined) this.#held.push({ message, body, epoch })
    else if (!this.mention(message, epoch, body)) this.#counters.answersDropped++
  }

  /** A word that is worth nothing later. @returns whether it was sent. */
  mention(message: Answerable, epoch: string, body: string): boolean {
    if (this.#epoch !== epoch || this.#connection.isClosed()) return false
    message.respond(body)
    return true
  }

  /** For good: what is held is dropped. */
  close(): void {
    this.#counters.answersDropped += this.#held.length
    this.#held = []
  }
}
