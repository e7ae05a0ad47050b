/** Why a durable event was not taken, or a transporter cannot work: a closed list. */
export const TRANSPORT_ERRORS = {
  /** The payload cannot be encoded: the same event fails for ever. */
  encode_failed: { retryable: false },
  /** The encoded event exceeds what a message may hold. */
  too_large: { retryable: false },
  /** Too many publishes wait for an answer on this node. */
  overloaded: { retryable: true },
  /** The stream has no room: a group is far behind. */
  stream_full: { retryable: true },
  /** No confirmation until the deadline. The event may be stored; publish it again under the same message id. */
  unconfirmed: { retryable: true },
  /** The node is stopping and takes nothing any more. */
  stopping: { retryable: true },
  /** The server's stream or consumer cannot be made what the table says. */
  stream_refused: { retryable: false },
  /** No stream, group or dead letter of that name or number. */
  unknown_stream: { retryable: false },
  /** The server answers, but without JetStream. */
  jetstream_unavailable: { retryable: true },
  /** The broker's options do not name a transporter of this folder, or leave the balancer on. */
  bad_broker_options: { retryable: false }
} as const satisfies Record<string, { retryable: boolean }>

export type TransportErrorCode = keyof typeof TRANSPORT_ERRORS

export class TransportError extends Error {
  readonly code: TransportErrorCode
  /** Whether the same call can succeed later. */
  readonly retryable: boolean

  constructor(code: TransportErrorCode, message: string, options?: ErrorOptions) {
    super(`${code}: ${message}`, options)
    this.name = 'TransportError'
    this.code = code
    this.retryable = TRANSPORT_ERRORS[code].retryable
  }
}
