import { ErrorCode, NatsError } from 'nats'

/** The server's own numbers of the answers that are acted upon. */
const STREAM_NOT_FOUND = 10059
const STREAM_EXISTS = 10058
const CONSUMER_NOT_FOUND = 10014
const NO_MESSAGE = 10037
/** Limits of the stream, of memory and of storage. */
const NO_ROOM = new Set([10077, 10023, 10028, 10047])
/** JetStream is off in the server, or in the account. */
const NOT_ENABLED = new Set([10076, 10039])

/** What a failed request to JetStream calls for. */
export type JetStreamTrouble =
  | 'stream_missing'
  | 'stream_exists'
  | 'consumer_missing'
  | 'message_missing'
  | 'no_room'
  | 'not_enabled'
  | 'unreachable'
  | 'refused'

/** Classes an error of the client: `unreachable` for everything that waiting can cure, `refused` for the server's other answers. */
export function troubleOf(error: unknown): JetStreamTrouble {
  if (!(error instanceof NatsError)) return 'refused'
  const { api_error: answer, code } = error
  if (answer !== undefined) {
    const number = answer.err_code ?? 0
    if (number === STREAM_NOT_FOUND) return 'stream_missing'
    if (number === STREAM_EXISTS) return 'stream_exists'
    if (number === CONSUMER_NOT_FOUND) return 'consumer_missing'
    if (number === NO_MESSAGE) return 'message_missing'
    if (NO_ROOM.has(number)) return 'no_room'
    if (NOT_ENABLED.has(number)) return 'not_enabled'
    return answer.code === 503 ? 'unreachable' : 'refused'
  }
  if (code === ErrorCode.NoResponders) return 'stream_missing'
  if (code === ErrorCode.JetStreamNotEnabled) return 'not_enabled'
  return code === ErrorCode.MaxPayloadExceeded || code === ErrorCode.PermissionsViolation ? 'refused' : 'unreachable'
}

/** What a request finds, or undefined where the server says that it is not there. */
export async function absentAs<T>(request: Promise<T>, trouble: JetStreamTrouble): Promise<T | undefined> {
  try {
    return await request
  } catch (error) {
    if (troubleOf(error) === trouble) return undefined
    throw error
  }
}
