import type { Authentication } from './authentication.ts'
import type { Clock } from './clock.ts'
import type { Conversation } from './conversation.ts'
import type { LiveLimits } from './live-limits.ts'
import { MessageError } from './message-error.ts'
import { parseMessage } from './parse-message.ts'
import type { ClientMessage, ErrorMessage } from './protocol.ts'
import type { PushCounters } from './push-counters.ts'
import type { Session } from './session.ts'

export interface IntakeDeps {
  readonly authentication: Authentication
  readonly conversation: Conversation
  readonly clock: Clock
  readonly limits: LiveLimits
  readonly counters: PushCounters
  /** Told of a defect: a client's message that could not be answered. */
  onError(error: unknown): void
}

/** Takes in what clients send, at the rate that each may: every message is answered, refused with a code, or counted as unknown. */
export class Intake {
  readonly #deps: IntakeDeps

  constructor(deps: IntakeDeps) {
    this.#deps = deps
  }

  /** Takes a token for whatever a client sends. @returns false when it was one too many. */
  admit(session: Session): boolean {
    const { clock, counters, limits } = this.#deps
    const retryAfterMs = session.bucket.take(clock.nowMs())
    if (retryAfterMs === 0) {
      session.refusals = 0
      return true
    }
    counters.messagesRateLimited++
    session.refusals++
    if (session.refusals > limits.current.refusals) {
      if (session.isOpen) counters.closedRate++
      session.close('rate')
    } else {
      const { messagesPerSecond } = session.rights.limits
      refuse(
        session,
        new MessageError(429, `expected at most ${messagesPerSecond} messages per second`, null, retryAfterMs)
      )
    }
    return false
  }

  receive(session: Session, data: Buffer, isBinary: boolean): void {
    const { counters } = this.#deps
    if (!session.isOpen) return
    counters.messages++
    session.messages++
    if (!this.admit(session)) return
    try {
      const message = parseMessage(session.encoding.read(data, isBinary))
      if (message === undefined) counters.messagesUnknown++
      else this.answer(session, message)
    } catch (error) {
      this.fail(session, error)
    }
  }

  /** Answers a message, behind a login that is under way. */
  answer(session: Session, message: ClientMessage): void {
    this.#deps.authentication.inTurn(session, message.id, () => this.#answer(session, message))
  }

  /** Refuses a message for an error. */
  fail(session: Session, error: unknown): void {
    const { counters, onError } = this.#deps
    if (error instanceof MessageError) {
      if (error.code === 400) counters.messagesBad++
      refuse(session, error)
    } else {
      onError(error)
      refuse(session, new MessageError(500, 'the message could not be answered', null))
    }
  }

  #answer(session: Session, message: ClientMessage): void {
    const { authentication, conversation } = this.#deps
    try {
      if (message.type === 'auth') authentication.authenticate(session, message)
      else conversation.answer(session, message)?.catch(error => this.fail(session, error))
    } catch (error) {
      this.fail(session, error)
    }
  }
}

function refuse(session: Session, { id, code, codeName, message, retryAfterMs }: MessageError): void {
  const error: ErrorMessage = { type: 'error', id, code, name: codeName, message, retry: retryAfterMs !== undefined }
  session.send(retryAfterMs === undefined ? error : { ...error, retryAfterMs })
}
