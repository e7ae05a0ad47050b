import { ErrorCode, NatsError } from 'nats'
import { TransportError } from './transport-error.ts'

/** The server's own numbers of the answers that are acted upon. */
const STREAM_NOT_FOUND = 10059
const STREAM_EXISTS = 10058
const CONSUMER_NOT_FOUND = 10014
const NO_MESSAGE = 10037
/** Limits of the stream, of memory, of storage and of the account. */
const NO_ROOM = new Set([10077, 10023, 10028, 10047, 10002])
/** JetStream is off in the server, or in the account. */
const NOT_ENABLED = new Set([10076, 10039])
/**
 * What the server answers in the same way tomorrow, unless a person changes something: a request that it cannot read (10003 10025),
 * a stream or consumer that cannot be made so (10011 10012 10013 10052 10053 10055 10056 10061 10065 10069 10074 10096 10098 to 10101
 * 10109 10113 10122 10148), no more of them allowed (10026 10027), a message that does not belong there or is too large (10054
 * 10060 10097). Everything else may pass: an election, servers that are away, a stream that is moved or scaled, a message id that
 * is still being stored, too many requests at once.
 */
const FINAL = new Set([
  10003, 10011, 10012, 10013, 10025, 10026, 10027, 10052, 10053, 10054, 10055, 10056, 10060, 10061, 10065, 10069, 10074,
  10096, 10097, 10098, 10099, 10100, 10101, 10109, 10113, 10122, 10148
])

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

/** Classes an error of the client: `unreachable` for everything that waiting can cure, `refused` for what it cannot. */
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
    return FINAL.has(number) ? 'refused' : 'unreachable'
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

/** A failed request as what callers of this folder are told: `stream_refused` for good, `jetstream_unavailable` for now. */
export function transportError(what: string, error: unknown): TransportError {
  if (error instanceof TransportError) return error
  const code = troubleOf(error) === 'refused' ? 'stream_refused' : 'jetstream_unavailable'
  return new TransportError(code, `${what}: ${(error as Error).message}`, { cause: error })
}
