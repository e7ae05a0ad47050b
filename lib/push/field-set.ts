import { type BoardRow, type Candidate, newerObservation, newestShown, visible } from '../quote/board.ts'
import {
  FIELD_GROUPS,
  type FieldGroup,
  GROUP_NAMES,
  type QuoteStatus,
  VALUE_FIELDS,
  type ValueField
} from '../quote/quote.ts'
import { jsonObjects } from './json-format.ts'
import { canonicalFields, ROW_FIELDS, type RowField } from './row-field.ts'
import type { RowFormat } from './row-format.ts'

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

interface Labelled<Field> {
  readonly field: Field
  /** What stands before its value in a row. */
  readonly label: string
}

/** One field group's share of a row. */
interface GroupFields {
  readonly group: FieldGroup
  readonly fields: readonly Labelled<ValueField>[]
  /** What stands for them while no channel carries the group, and how many fields that is. */
  readonly absent: string
  readonly absentCount: number
}

/**
 * The fields of a subscription: knows which updates matter to them and how a row shows them. Shared by all groups with the same
 * fields in the same format.
 */
export class FieldSet {
  readonly fields: readonly RowField[]
  readonly format: RowFormat
  /** An update whose touch mask does not meet this one is neither sent nor counted. */
  readonly mask: TouchMask
  readonly #groups: readonly GroupFields[]
  /** The times of the newest of the shown observations, and the instrument's status. */
  readonly #common: readonly Labelled<Exclude<RowField, ValueField>>[]

  constructor(fields: readonly RowField[], format: RowFormat = jsonObjects) {
    this.fields = canonicalFields(fields)
    this.format = format
    const labelled = <Field extends RowField>(field: Field) => ({ field, label: format.label(field) })
    const wanted = new Set(this.fields)
    const groups = GROUP_NAMES.map(group => {
      const fields = FIELD_GROUPS[group].filter(field => wanted.has(field)).map(labelled)
      const absent = format.absent.repeat(fields.length)
      return { group, fields, absent, absentCount: absent === '' ? 0 : fields.length }
    })
    const named = groups.filter(entry => entry.fields.length > 0)
    // With no value field at all, the status and the times of every group are meant.
    this.#groups = named.length > 0 ? named : groups
    this.#common = ROW_FIELDS.filter(isCommon)
      .filter(field => wanted.has(field))
      .map(labelled)
    const groupMask = named.reduce((mask, { group }) => mask | GROUP_BITS[group], 0)
    this.mask = (groupMask || ALL_GROUPS) | (wanted.has('status') ? STATUS_BIT : 0)
  }

  /**
   * The fields of a row as their format writes them (`"last":"1","receivedTime":5`), or undefined while nothing of them is known:
   * never after an update that met the mask. Groups that no channel carried are absent.
   */
  render(row: BoardRow, status: QuoteStatus | null): string | undefined {
    const { format } = this
    let text = ''
    let count = this.#common.length
    let newest: Candidate | undefined
    for (const { group, fields, absent, absentCount } of this.#groups) {
      const shown = visible(row, group)
      if (shown === undefined) {
        text += absent
        count += absentCount
        continue
      }
      if (newest === undefined || newerObservation(shown, newest)) newest = shown
      for (const { field, label } of fields) text += label + format.value(shown.quote[field])
      count += fields.length
    }
    // The status is the instrument's, also while no channel carries the other fields; the times are then those of what is known.
    if (newest === undefined && (this.mask & STATUS_BIT) !== 0) newest = newestShown(row)
    if (newest === undefined) return undefined
    for (const { field, label } of this.#common)
      text += label + format.value(field === 'status' ? status : newest.quote[field])
    return format.join(text, count)
  }
}

function isCommon(field: RowField): field is Exclude<RowField, ValueField> {
  return !(VALUE_FIELDS as readonly RowField[]).includes(field)
}
