import { type BoardRow, type Candidate, newerObservation, newestShown, visible } from '../quote/board.ts'
import { FIELD_GROUPS, type FieldGroup, GROUP_NAMES, type Quote, type QuoteStatus } from '../quote/quote.ts'
import { canonicalFields, type RowField } from './row-field.ts'

/** What an update touched: a bit per field group, and one for the status. */
export type TouchMask = number

export const GROUP_BITS: Readonly<Record<FieldGroup, TouchMask>> = { trade: 1, book: 2, stats: 4 }
export const STATUS_BIT: TouchMask = 8
/** The number of bits. */
export const TOUCH_BITS = 4
/** The number of masks, the empty one among them. */
export const TOUCH_MASKS = 1 << TOUCH_BITS
const ALL_GROUPS = GROUP_NAMES.reduce((mask, group) => mask | GROUP_BITS[group], 0)

/** The newest position at which one of the mask's bits was touched. @param touchedAt the newest position of each bit */
export function lastTouch(touchedAt: readonly number[], mask: TouchMask): number {
  let newest = 0
  for (let bit = 0; bit < TOUCH_BITS; bit++) {
    const q = touchedAt[bit] ?? 0
    if ((mask & (1 << bit)) !== 0 && q > newest) newest = q
  }
  return newest
}

/** The fields of a subscription: knows which updates matter to them and how a row shows them. Shared by all groups with the same fields. */
export class FieldSet {
  readonly fields: readonly RowField[]
  /** An update whose touch mask does not meet this one is neither sent nor counted. */
  readonly mask: TouchMask
  readonly #groups: readonly { group: FieldGroup; fields: readonly RowField[] }[]
  /** The times of the newest of the shown observations, and the instrument's status. */
  readonly #common: readonly (keyof Quote & RowField)[]

  constructor(fields: readonly RowField[]) {
    this.fields = canonicalFields(fields)
    const wanted = new Set(this.fields)
    const groups = GROUP_NAMES.map(group => ({ group, fields: FIELD_GROUPS[group].filter(field => wanted.has(field)) }))
    const named = groups.filter(entry => entry.fields.length > 0)
    // With no value field at all, the status and the times of every group are meant.
    this.#groups = named.length > 0 ? named : groups
    const values = new Set<RowField>(GROUP_NAMES.flatMap(group => [...FIELD_GROUPS[group]]))
    this.#common = this.fields.filter(field => !values.has(field))
    const groupMask = named.reduce((mask, { group }) => mask | GROUP_BITS[group], 0)
    this.mask = (groupMask || ALL_GROUPS) | (wanted.has('status') ? STATUS_BIT : 0)
  }

  /**
   * The fields of a row as the inside of a JSON object (`"last":"1","receivedTime":5`), or undefined while nothing of them is
   * known: never after an update that met the mask. Groups that no channel carried are absent.
   */
  render(row: BoardRow, status: QuoteStatus | null): string | undefined {
    let text = ''
    let newest: Candidate | undefined
    for (const { group, fields } of this.#groups) {
      const shown = visible(row, group)
      if (shown === undefined) continue
      if (newest === undefined || newerObservation(shown, newest)) newest = shown
      for (const field of fields) text += `${jsonText(field, shown.quote[field])},`
    }
    // The status is the instrument's, also while no channel carries the other fields; the times are then those of what is known.
    if (newest === undefined && (this.mask & STATUS_BIT) !== 0) newest = newestShown(row)
    if (newest === undefined) return undefined
    for (const field of this.#common) text += `${jsonText(field, field === 'status' ? status : newest.quote[field])},`
    return text.slice(0, -1)
  }
}

/** Canonical decimals and enumerated texts need no escaping. */
function jsonText(field: RowField, value: string | number | null | undefined): string {
  return typeof value === 'string' ? `"${field}":"${value}"` : `"${field}":${value ?? null}`
}
