import { createHash } from 'node:crypto'
import { parseKey } from '../instruments/instrument-key.ts'
import { escapeCharacters } from './escape-characters.ts'
import { RelayError } from './relay-error.ts'

/** The protocol's bound of a routing key. */
const MAX_BYTES = 255
const HASH_DIGITS = 32

/**
 * The routing key of an instrument: always three words, `venue.type.symbol`, so that a binding of `xnas.stock.*` gets every symbol. In the
 * symbol `.` `*` `#` and `%` are percent-encoded (`BRK.B` is `BRK%2EB`). Where that is too long for AMQP the symbol is `~` and the first 32
 * digits of its SHA-256; the message tells the whole key.
 * @throws RelayError `bad_quote` for what is no key.
 */
export function routingKey(key: string): string {
  const parsed = parseKey(key)
  if (parsed === undefined) throw new RelayError('bad_quote', `expected venue:type:symbol, got ${key.slice(0, 80)}`)
  const { venue, type, symbol } = parsed
  const whole = `${venue}.${type}.${escapeCharacters(symbol, /[%.*#]/g)}`
  if (Buffer.byteLength(whole) <= MAX_BYTES) return whole
  return `${venue}.${type}.~${createHash('sha256').update(symbol).digest('hex').slice(0, HASH_DIGITS)}`
}
