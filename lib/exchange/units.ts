/** An amount in steps of 10^-8, the precision in which the venue writes every price and quantity. */
export type Units = bigint

const DECIMALS = 8
const ONE = 10n ** BigInt(DECIMALS)

/** `123456000n` -> `1.23456000`. */
export function formatUnits(units: Units): string {
  const sign = units < 0n ? '-' : ''
  const digits = (units < 0n ? -units : units).toString().padStart(DECIMALS + 1, '0')
  return `${sign}${digits.slice(0, -DECIMALS)}.${digits.slice(-DECIMALS)}`
}

/** The units of a plain decimal text of at most 8 fraction digits. @throws RangeError on anything else. */
export function parseUnits(text: string): Units {
  const match = /^(\d+)(?:\.(\d{1,8}))?$/.exec(text)
  if (match === null) throw new RangeError(`expected a decimal of at most ${DECIMALS} fraction digits, got ${text}`)
  return BigInt((match[1] ?? '') + (match[2] ?? '').padEnd(DECIMALS, '0'))
}

/** The product of two amounts, cut to units. */
export function multiply(a: Units, b: Units): Units {
  return (a * b) / ONE
}

/** The quotient of two amounts, cut to units; 0 for a divisor of 0. */
export function divide(a: Units, b: Units): Units {
  return b === 0n ? 0n : (a * ONE) / b
}
