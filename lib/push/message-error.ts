import type { RequestId } from './protocol.ts'
import { ERROR_NAMES, type ErrorCode, type ErrorName } from './protocol-codes.ts'

/** A refused request: becomes an `error` message to the client. */
export class MessageError extends Error {
  readonly code: ErrorCode
  readonly codeName: ErrorName
  readonly id: RequestId
  /** When the same message may be tried again; undefined when that is no use. */
  readonly retryAfterMs: number | undefined

  constructor(code: ErrorCode, message: string, id: RequestId, retryAfterMs?: number) {
    super(message)
    this.name = 'MessageError'
    this.code = code
    this.codeName = ERROR_NAMES[code]
    this.id = id
    this.retryAfterMs = retryAfterMs
  }
}
