import { errorOf, QuoteClientError } from './client-error.ts'
import { ANSWER_TYPES, type Answers, type ClientMessage, type ServerMessage } from './messages.ts'
import { Pacer } from './pacer.ts'

/** Requests that may wait to be sent. */
const MAX_WAITING = 128

interface Pending {
  /** Of the answer. */
  type: ServerMessage['type']
  take(answer: ServerMessage): void
  fail(error: QuoteClientError): void
}

/** Requests of one connection and their answers, told apart by `id`. */
export class Requests {
  readonly #send: (message: object) => void
  readonly #timeoutMs: number
  readonly #pending = new Map<number, Pending>()
  readonly #pacer = new Pacer(MAX_WAITING)
  #nextId = 1
  #ended: QuoteClientError | null = null

  constructor(send: (message: object) => void, timeoutMs: number) {
    this.#send = send
    this.#timeoutMs = timeoutMs
  }

  /** Keeps to the rate of messages that the gateway takes. */
  allow(perSecond: number): void {
    this.#pacer.allow(perSecond)
  }

  /**
   * Resolves to what `take` makes of the answer; `take` runs before the next message is looked at.
   * @throws QuoteClientError as the gateway refused; `timeout`, `busy`, `connection_lost`.
   */
  ask<Message extends ClientMessage, Result>(
    message: Message,
    take: (answer: Answers[Message['type']]) => Result
  ): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== null) return reject(this.#ended)
      const id = this.#nextId++
      let timer: ReturnType<typeof setTimeout> | undefined
      const settle = () => {
        clearTimeout(timer)
        this.#pending.delete(id)
      }
      const pending: Pending = {
        type: ANSWER_TYPES[message.type],
        take: answer => {
          settle()
          try {
            resolve(take(answer as Answers[Message['type']]))
          } catch (cause) {
            reject(new QuoteClientError('bad_frame', message.type, { cause }))
          }
        },
        fail: error => {
          settle()
          reject(error)
        }
      }
      const isTaken = this.#pacer.run(() => {
        timer = setTimeout(() => pending.fail(new QuoteClientError('timeout', message.type)), this.#timeoutMs)
        this.#send({ ...message, id })
      })
      if (isTaken) this.#pending.set(id, pending)
      else reject(new QuoteClientError('busy'))
    })
  }

  /** @returns whether the message answers a request. */
  answer(message: ServerMessage): boolean {
    const pending = this.#pending.get((message as { id?: number }).id ?? 0)
    if (message.type === 'error') pending?.fail(errorOf(message))
    else if (message.type === pending?.type) pending.take(message)
    else return false
    return pending !== undefined
  }

  /** Fails what is open, and what comes. */
  end(error: QuoteClientError): void {
    this.#ended = error
    this.#pacer.clear()
    for (const pending of [...this.#pending.values()]) pending.fail(error)
  }
}
