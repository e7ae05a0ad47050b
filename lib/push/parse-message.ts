import type { Credential } from '../access/credential.ts'
import { MessageError } from './message-error.ts'
import { isSpeed, MAX_SPEED, type PlaybackRequest, type Speed } from './playback-request.ts'
import {
  type ClientMessage,
  RESUME_POLICIES,
  type RequestId,
  type ResumePolicy,
  type SubscriptionChanges,
  type SubscriptionRequest
} from './protocol.ts'
import { isRowField, ROW_FIELDS } from './row-field.ts'
import { MODES } from './signature.ts'

type Fields = Record<string, unknown>

/** As long as a name or an echoed text may be. */
const MAX_TEXT = 128

/**
 * Reads one client message from what was decoded. Unknown fields are ignored; a message of an unknown type is undefined. The size is
 * bounded by the socket's maximum payload, and only known places are read, so nesting costs nothing.
 * @throws MessageError 400 that says what was expected and what came, with the message's id when it has one.
 */
export function parseMessage(message: unknown): ClientMessage | undefined {
  if (!isObject(message)) throw new MessageError(400, `expected an object, got ${describe(message)}`, null)
  const id = readId(message)
  const reader = new Reader(id)
  const type = reader.text(message, 'type')
  switch (type) {
    case 'subscribe':
      return { type, id, subs: reader.objects(message, 'subs').map((sub, i) => readSubscription(reader, sub, i)) }
    case 'unsubscribe':
      return { type, id, sids: reader.texts(message, 'sids') }
    case 'update':
      return {
        type,
        id,
        sid: reader.text(message, 'sid'),
        ...readChanges(reader, message, ''),
        ...(message.speed === undefined ? {} : { speed: reader.speed(message, '') })
      }
    case 'resync':
      return { type, id, sids: message.sids === undefined ? null : reader.texts(message, 'sids') }
    case 'list':
      return { type, id }
    case 'auth':
      return { type, id, credential: reader.credential(message) }
    case 'resume':
      return {
        type,
        id,
        session: reader.text(message, 'session'),
        resumeToken: reader.text(message, 'resumeToken'),
        epoch: reader.text(message, 'epoch'),
        pos: reader.objects(message, 'pos').map((one, i) => {
          const path = `pos[${i}].`
          return { sid: reader.text(one, 'sid', path), q: reader.position(one, 'q', path) }
        }),
        policy: reader.policy(message, '')
      }
    default:
      return undefined
  }
}

function readId({ id }: Fields): RequestId {
  if (id === undefined || id === null) return null
  if (typeof id === 'string' && id.length <= MAX_TEXT) return id
  if (typeof id === 'number') return id
  throw new MessageError(400, `id: expected a number or a text of at most ${MAX_TEXT}, got ${describe(id)}`, null)
}

function readSubscription(reader: Reader, sub: Fields, index: number): SubscriptionRequest {
  const path = `subs[${index}].`
  const { fields = null, intervalMs = 0, mode = 'conflate', rows = false } = readChanges(reader, sub, path)
  const { snapshot = true } = sub
  if (typeof snapshot !== 'boolean') throw reader.error(`${path}snapshot`, 'true or false', snapshot)
  const keys = sub.keys === undefined ? [] : reader.texts(sub, 'keys', path)
  const patterns = sub.patterns === undefined ? [] : reader.texts(sub, 'patterns', path)
  if (keys.length + patterns.length === 0) throw reader.error(`${path}keys`, 'at least one key or pattern', [])
  return { keys, patterns, fields, intervalMs, mode, rows, snapshot, ...readSince(reader, sub.since, `${path}since`) }
}

/** From where to begin: a position of the stream, or a moment of history to play from. */
function readSince(reader: Reader, since: unknown, path: string): Pick<SubscriptionRequest, 'since' | 'playback'> {
  if (since === undefined || since === null) return { since: null }
  if (!isObject(since)) throw reader.error(path, 'an object', since)
  const inside = `${path}.`
  if (since.time !== undefined) return { since: null, playback: readPlayback(reader, since, inside) }
  return {
    since: {
      epoch: reader.text(since, 'epoch', inside),
      q: reader.position(since, 'q', inside),
      policy: reader.policy(since, inside)
    }
  }
}

function readPlayback(reader: Reader, since: Fields, inside: string): PlaybackRequest {
  return {
    time: reader.time(since, 'time', inside),
    until: since.until === undefined || since.until === null ? null : reader.time(since, 'until', inside),
    speed: since.speed === undefined ? 1 : reader.speed(since, inside)
  }
}

/** What both `subscribe` and `update` may say. */
function readChanges(reader: Reader, from: Fields, path: string): SubscriptionChanges {
  const { intervalMs, mode, rows } = from
  const changes: SubscriptionChanges = {}
  if (from.fields !== undefined) {
    changes.fields = reader.texts(from, 'fields', path).map(name => {
      if (!isRowField(name)) throw reader.error(`${path}fields`, `names of ${ROW_FIELDS.join(' ')}`, name)
      return name
    })
  }
  if (intervalMs !== undefined) {
    if (typeof intervalMs !== 'number' || !Number.isSafeInteger(intervalMs) || intervalMs < 0)
      throw reader.error(`${path}intervalMs`, 'an integer of at least 0', intervalMs)
    changes.intervalMs = intervalMs
  }
  if (mode !== undefined) {
    const known = MODES.find(name => name === mode)
    if (known === undefined) throw reader.error(`${path}mode`, `one of ${MODES.join(' ')}`, mode)
    changes.mode = known
  }
  if (rows !== undefined) {
    if (typeof rows !== 'boolean') throw reader.error(`${path}rows`, 'true or false', rows)
    changes.rows = rows
  }
  return changes
}

/** Reads fields of the expected types. */
class Reader {
  readonly #id: RequestId

  constructor(id: RequestId) {
    this.#id = id
  }

  error(path: string, expected: string, got: unknown): MessageError {
    return new MessageError(400, `${path}: expected ${expected}, got ${describe(got)}`, this.#id)
  }

  text(from: Fields, name: string, path = ''): string {
    const value = from[name]
    if (typeof value !== 'string') throw this.error(path + name, 'a text', value)
    return value
  }

  texts(from: Fields, name: string, path = ''): string[] {
    const value = from[name]
    if (!Array.isArray(value)) throw this.error(path + name, 'a list of texts', value)
    return value.map((item: unknown, i) => {
      if (typeof item !== 'string') throw this.error(`${path}${name}[${i}]`, 'a text', item)
      return item
    })
  }

  /** Nothing of a credential is repeated. */
  credential({ token, key }: Fields): Credential {
    if (typeof token === 'string' && key === undefined) return { kind: 'token', token }
    if (typeof key === 'string' && token === undefined) return { kind: 'key', key }
    throw new MessageError(400, 'expected either token or key, a text', this.#id)
  }

  position(from: Fields, name: string, path = ''): number {
    const value = from[name]
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
      throw this.error(path + name, 'a position', value)
    return value
  }

  time(from: Fields, name: string, path: string): number {
    const value = from[name]
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
      throw this.error(path + name, 'microseconds since the epoch', value)
    return value
  }

  speed({ speed }: Fields, path: string): Speed {
    if (!isSpeed(speed)) throw this.error(`${path}speed`, `"max" or a number from 0 to ${MAX_SPEED}`, speed)
    return speed
  }

  policy({ policy = 'replay' }: Fields, path: string): ResumePolicy {
    const known = RESUME_POLICIES.find(name => name === policy)
    if (known === undefined) throw this.error(`${path}policy`, `one of ${RESUME_POLICIES.join(' ')}`, policy)
    return known
  }

  objects(from: Fields, name: string): Fields[] {
    const value = from[name]
    if (!Array.isArray(value)) throw this.error(name, 'a list of objects', value)
    return value.map((item: unknown, i) => {
      if (!isObject(item)) throw this.error(`${name}[${i}]`, 'an object', item)
      return item
    })
  }
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What came, short enough to echo. */
function describe(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list'
  if (typeof value === 'object' && value !== null) return 'an object'
  return JSON.stringify(value).slice(0, MAX_TEXT)
}
