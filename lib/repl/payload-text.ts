import { inspect } from 'node:util'
import { oneLine } from './one-line.ts'

const SUMMARY_CHARACTERS = 150
/** Elements of a list and characters of a text that are shown; what more there is, is said. */
const MAX_ELEMENTS = 100
const MAX_CHARACTERS = 2_000

/** A payload in a line: its fields, lists by their lengths. */
export function payloadSummary(payload: unknown): string {
  const options = { depth: 1, maxArrayLength: 1, maxStringLength: 60, breakLength: Number.POSITIVE_INFINITY }
  return oneLine(typeof payload === 'string' ? payload : inspect(payload, options), SUMMARY_CHARACTERS)
}

/** A payload in many lines. */
export function payloadText(payload: unknown): string {
  return inspect(payload, {
    depth: 8,
    maxArrayLength: MAX_ELEMENTS,
    maxStringLength: MAX_CHARACTERS,
    breakLength: 120,
    compact: 4
  })
}
