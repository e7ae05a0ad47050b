/**
 * Canonical decimals: the only form in which a price or a size exists between the wire and the user.
 *
 * Canonical means: optional minus, digits without leading zeros, and a fraction without trailing zeros; no exponent, no plus,
 * no negative zero. The domain is that of `DECIMAL(38,18)`: at most {@link MAX_INTEGER_DIGITS} integer and
 * {@link MAX_FRACTION_DIGITS} fraction digits. What does not fit is refused, never rounded.
 */
export type Decimal = string

export const MAX_INTEGER_DIGITS = 20
export const MAX_FRACTION_DIGITS = 18

/** Why a text is not a decimal of the domain: a closed list. */
export const DECIMAL_ERRORS = ['not_a_number', 'too_large', 'too_precise'] as const
export type DecimalErrorCode = (typeof DECIMAL_ERRORS)[number]

/** A refused decimal: carries the code to count by and the text as it came. */
export class DecimalError extends Error {
  readonly code: DecimalErrorCode
  readonly text: string

  constructor(code: DecimalErrorCode, text: string) {
    super(
      `${code}: expected a decimal of at most ${MAX_INTEGER_DIGITS}.${MAX_FRACTION_DIGITS} digits, got ${JSON.stringify(text.slice(0, 64))}`
    )
    this.name = 'DecimalError'
    this.code = code
    this.text = text
  }
}

const NUMBER = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/
const [MINUS, POINT, ZERO, NINE] = [0x2d, 0x2e, 0x30, 0x39]

/** Whether a value is a text that is already canonical and inside the domain. Read by hand: it is asked a dozen times a quote. */
export function isDecimal(text: unknown): boolean {
  if (typeof text !== 'string') return false
  const { length } = text
  const begin = text.charCodeAt(0) === MINUS ? 1 : 0
  let at = begin
  while (at < length && isDigit(text.charCodeAt(at))) at++
  const digits = at - begin
  if (digits === 0 || digits > MAX_INTEGER_DIGITS) return false
  const startsWithZero = text.charCodeAt(begin) === ZERO
  if (startsWithZero && digits > 1) return false
  if (at === length) return !startsWithZero || begin === 0
  if (text.charCodeAt(at) !== POINT) return false
  const point = at++
  while (at < length && isDigit(text.charCodeAt(at))) at++
  const decimals = at - point - 1
  return at === length && decimals > 0 && decimals <= MAX_FRACTION_DIGITS && text.charCodeAt(at - 1) !== ZERO
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE
}

/**
 * The canonical form of a decimal text.
 *
 * Accepts plain and scientific notation, superfluous zeros and a leading plus (`00.10`, `0E-8`, `1.1e-7`, `.5`, `5.`).
 * @throws DecimalError on anything else: empty text, thousands separators, `NaN`, blanks, or digits beyond the domain.
 */
export function parseDecimal(text: string): Decimal {
  if (isDecimal(text)) return text
  const match = NUMBER.exec(text)
  if (match === null) throw new DecimalError('not_a_number', text)
  const [, sign, whole = '', fraction = '', exponent = '0'] = match
  if (whole === '' && fraction === '') throw new DecimalError('not_a_number', text)

  const digits = whole + fraction
  const first = digits.search(/[1-9]/)
  if (first === -1) return '0'
  let end = digits.length
  while (digits[end - 1] === '0') end--

  const point = whole.length + Number(exponent)
  if (point - first > MAX_INTEGER_DIGITS) throw new DecimalError('too_large', text)
  if (end - point > MAX_FRACTION_DIGITS) throw new DecimalError('too_precise', text)

  const integer = point <= first ? '0' : digits.slice(first, Math.min(point, end)).padEnd(point - first, '0')
  const decimals = end <= point ? '' : '0'.repeat(Math.max(0, -point)) + digits.slice(Math.max(0, point), end)
  return `${sign === '-' ? '-' : ''}${integer}${decimals === '' ? '' : `.${decimals}`}`
}
