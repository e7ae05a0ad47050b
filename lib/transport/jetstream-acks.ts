import { createInbox, ErrorCode, headers, type Msg, NatsError } from 'nats'
import type { JetStreamLink } from './jetstream-link.ts'

/** The server's answer to a publish. */
export interface PublishAck {
  /** Where it is in the stream. */
  sequence: number
  /** The stream held it already under its message id. */
  duplicate: boolean
}

export interface PublishRequest {
  subject: string
  data: Buffer
  messageId: string
  /** The stream that has to take it. */
  stream: string
  timeoutMs: number
}

interface Waiting {
  resolve: (ack: PublishAck) => void
  reject: (error: NatsError) => void
  timer: NodeJS.Timeout
}

const NO_RESPONDERS = 503

/**
 * Publishes with an acknowledgement, one attempt each. The client's own publish makes an error object with its stack for every
 * request beforehand, a sixth of a publisher's time; and what was under way when the connection broke waits there for its
 * time-out, while here it fails at once, ready for the next attempt.
 */
export class JetStreamAcks {
  readonly #link: JetStreamLink
  readonly #inbox = createInbox()
  /** By the last token of the reply subject. Bounded by the publisher. */
  readonly #waiting = new Map<string, Waiting>()
  #number = 0

  constructor(link: JetStreamLink) {
    this.#link = link
    link.connection.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        if (error === null) this.#receive(message)
        else this.#failAll(ErrorCode.ConnectionClosed)
      }
    })
    link.onChange(up => {
      if (!up) this.#failAll(ErrorCode.Disconnect)
    })
  }

  /** @throws NatsError with the server's answer, or because there was none. */
  publish({ subject, data, messageId, stream, timeoutMs }: PublishRequest): Promise<PublishAck> {
    const fields = headers()
    fields.set('Nats-Msg-Id', messageId)
    fields.set('Nats-Expected-Stream', stream)
    const token = (++this.#number).toString(36)
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#take(token)?.reject(new NatsError('timeout', ErrorCode.Timeout)), timeoutMs)
      this.#waiting.set(token, { resolve, reject, timer })
      try {
        this.#link.connection.publish(subject, data, { headers: fields, reply: `${this.#inbox}.${token}` })
      } catch (error) {
        this.#take(token)?.reject(error as NatsError)
      }
    })
  }

  #receive(message: Msg): void {
    const waiting = this.#take(message.subject.slice(this.#inbox.length + 1))
    if (waiting === undefined) return
    try {
      waiting.resolve(readAck(message))
    } catch (error) {
      waiting.reject(error as NatsError)
    }
  }

  #take(token: string): Waiting | undefined {
    const waiting = this.#waiting.get(token)
    if (waiting !== undefined) {
      this.#waiting.delete(token)
      clearTimeout(waiting.timer)
    }
    return waiting
  }

  #failAll(code: ErrorCode): void {
    for (const token of [...this.#waiting.keys()]) this.#take(token)?.reject(new NatsError(code.toLowerCase(), code))
  }
}

/** @throws NatsError with what the server answered. */
function readAck(message: Msg): PublishAck {
  if (message.headers?.code === NO_RESPONDERS) throw new NatsError('no responders', ErrorCode.NoResponders)
  const answer = message.json<{
    seq?: number
    duplicate?: boolean
    error?: { code: number; err_code: number; description: string }
  }>()
  const { error, seq, duplicate = false } = answer
  if (error !== undefined) {
    const refusal = new NatsError(error.description, ErrorCode.JetStreamInvalidAck)
    refusal.api_error = error
    throw refusal
  }
  // Clusters of some servers of 2.10 answer a repetition with 0 while its first copy is not stored yet, and may never be.
  if (!seq) throw new NatsError('expected an acknowledgement', ErrorCode.JetStreamInvalidAck)
  return { sequence: seq, duplicate }
}
