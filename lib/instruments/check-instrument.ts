import { isDecimal } from '../quote/decimal.ts'
import { STATUSES } from '../quote/quote.ts'
import { StoreError } from '../store/store-error.ts'
import { parseKey } from './instrument-key.ts'
import type { Instrument } from './instrument-store.ts'

/** The longest text of each field, in characters. */
export const MAX_TEXT = { venueSymbol: 128, name: 255, base: 64, currency: 64, calendar: 64 } as const
const TEXTS = Object.entries(MAX_TEXT) as [keyof typeof MAX_TEXT, number][]
const DECIMALS = ['tickSize', 'lotSize', 'multiplier'] as const

/** Makes sure that a catalogue can keep an instrument exactly. @throws StoreError `out_of_domain` */
export function checkInstrument(instrument: Instrument): void {
  const { key, venueSymbol, status } = instrument
  const check = (holds: boolean, field: string, expected: string, got: unknown) => {
    if (holds) return
    const shown = JSON.stringify(got)?.slice(0, 80) ?? 'nothing'
    throw new StoreError('out_of_domain', `instrument ${key}: expected ${field} as ${expected}, got ${shown}`)
  }
  check(parseKey(key) !== undefined && key.isWellFormed(), 'key', 'venue:type:symbol', key)
  check(venueSymbol !== null && venueSymbol !== '', 'venueSymbol', 'the symbol of the venue', venueSymbol)
  check(STATUSES.includes(status), 'status', 'a known status', status)
  for (const [field, length] of TEXTS) {
    const text = instrument[field]
    check(text === null || isText(text, length), field, `null or at most ${length} characters`, text)
  }
  for (const field of DECIMALS) {
    const value = instrument[field]
    check(value === null || isDecimal(value), field, 'null or a canonical decimal', value)
  }
}

function isText(text: unknown, maxLength: number): boolean {
  return typeof text === 'string' && text.length <= maxLength && text.isWellFormed()
}
