import { errorOf, QuoteClientError } from './client-error.ts'
import type { Answers, ClientMessage, ServerMessage } from './messages.ts'
import { Pacer } from './pacer.ts'

/** Requests that may wait to be sent. */
const MAX_WAITING = 128

interface Pending {
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
        take: answer => {
          settle()
          try {
            resolve(take(answer as Answers[Message['type']]))
          } catch (cause) {
            reject(new QuoteClientError('bad_frame', `answer to ${message.type}`, { cause }))
          }
        },
        fail: error => {
          settle()
          reject(error)
        }
      }
      const isTaken = this.#pacer.run(() => {
        timer = setTimeout(
          () => pending.fail(new QuoteClientError('timeout', `answer to ${message.type}`)),
          this.#timeoutMs
        )
        this.#send({ ...message, id })
      })
      if (isTaken) this.#pending.set(id, pending)
      else reject(new QuoteClientError('busy'))
    })
  }

  /** @returns whether the message answers a request. */
  answer(message: ServerMessage): boolean {
    const pending = 'id' in message && typeof message.id === 'number' ? this.#pending.get(message.id) : undefined
    if (message.type === 'error') pending?.fail(errorOf(message))
    else pending?.take(message)
    return pending !== undefined
  }

  /** Fails what is open, and what comes. */
  end(error: QuoteClientError): void {
    this.#ended = error
    this.#pacer.clear()
    for (const pending of [...this.#pending.values()]) pending.fail(error)
  }
}
