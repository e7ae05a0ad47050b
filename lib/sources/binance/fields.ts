import { type Decimal, DecimalError, parseDecimal } from '../../quote/decimal.ts'
import { JsonNumber } from '../../quote/lossless-json.ts'
import type { Micros } from '../../quote/quote.ts'
import type { Refusal } from '../source.ts'

/** A JSON object of which nothing is known yet. */
export type Payload = Readonly<Record<string, unknown>>

export function isPayload(value: unknown): value is Payload {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof JsonNumber)
}

/** One field of an entry that cannot be taken; it refuses the entry, not the payload. */
export class BadField extends Error {
  readonly code: Refusal['code']

  constructor(code: Refusal['code'], message: string) {
    super(message)
    this.name = 'BadField'
    this.code = code
  }
}

/** Before the venue opened; what is smaller is seconds, what is larger than the other end is microseconds. */
const FIRST_MILLIS = Date.UTC(2017, 0)
const LAST_MILLIS = Date.UTC(2100, 0)

/**
 * A price, exact. A zero is `null`: spot has no price of zero (the tick size is positive), the venue writes it where there is
 * none, e.g. for the last price of a pair without a trade.
 */
export function readPrice(payload: Payload, field: string): Decimal | null {
  const price = readSize(payload, field)
  return price === '0' ? null : price
}

/** A quantity or volume, exact; zero is a real zero. */
export function readSize(payload: Payload, field: string): Decimal {
  const text = digitsOf(payload[field])
  if (text === undefined) throw missing(payload, field)
  try {
    const size = parseDecimal(text)
    if (size.startsWith('-')) throw new BadField('bad_value', `${field}: negative: ${text.slice(0, 64)}`)
    return size
  } catch (error) {
    if (error instanceof DecimalError) throw new BadField('bad_value', `${field}: ${error.message}`)
    throw error
  }
}

/** {@link readPrice} of a field that not every form of the payload has: null where it is absent or null. */
export function readOptionalPrice(payload: Payload, field: string): Decimal | null {
  return isGiven(payload, field) ? readPrice(payload, field) : null
}

/** {@link readSize} of a field that not every form of the payload has: null where it is absent or null. */
export function readOptionalSize(payload: Payload, field: string): Decimal | null {
  return isGiven(payload, field) ? readSize(payload, field) : null
}

export function isGiven(payload: Payload, field: string): boolean {
  return payload[field] !== undefined && payload[field] !== null
}

/** An update or trade id: a whole number of any length. */
export function readSequence(payload: Payload, field: string): string {
  const value = payload[field]
  const text = typeof value === 'string' ? undefined : digitsOf(value)
  if (text === undefined) throw missing(payload, field)
  if (!/^(?:0|[1-9]\d{0,63})$/.test(text)) {
    throw new BadField('bad_value', `${field}: expected a whole number, got ${text.slice(0, 64)}`)
  }
  return text
}

/** A time in milliseconds, as microseconds. */
export function readMillis(payload: Payload, field: string): Micros {
  const text = digitsOf(payload[field])
  if (text === undefined) throw missing(payload, field)
  const millis = Number(text)
  if (!Number.isInteger(millis) || millis < FIRST_MILLIS || millis > LAST_MILLIS) {
    throw new BadField('bad_value', `${field}: expected milliseconds since the epoch, got ${text.slice(0, 64)}`)
  }
  return millis * 1000
}

export function readText(payload: Payload, field: string): string {
  const value = payload[field]
  if (typeof value !== 'string' || value === '') throw missing(payload, field)
  return value
}

/** A plain number arrives only where `parseExactJson` found it to be a short integer. */
function digitsOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (value instanceof JsonNumber) return value.text
  return typeof value === 'number' ? String(value) : undefined
}

function missing(payload: Payload, field: string): BadField {
  const value = payload[field]
  if (value === undefined) return new BadField('missing_field', field)
  return new BadField('bad_value', `${field}: ${value === null ? 'null' : typeof value}`)
}
