import { VALUE_FIELDS } from '../quote/quote.ts'

const TIME_FIELDS = ['exchangeTime', 'receivedTime', 'observedTime', 'publishedTime'] as const

/** What a subscription may ask for. `exchangeTime` and `receivedTime` are in every row, asked for or not. */
export const ROW_FIELDS = [...VALUE_FIELDS, 'status', ...TIME_FIELDS] as const
export type RowField = (typeof ROW_FIELDS)[number]

/** What a row has when no fields are named. */
export const DEFAULT_FIELDS: readonly RowField[] = [...VALUE_FIELDS, 'status', 'exchangeTime', 'receivedTime']

export function isRowField(text: string): text is RowField {
  return (ROW_FIELDS as readonly string[]).includes(text)
}

/** The fields in the order of {@link ROW_FIELDS}, each once, with the times that every row has. */
export function canonicalFields(fields: readonly RowField[]): RowField[] {
  const wanted = new Set<RowField>([...fields, 'exchangeTime', 'receivedTime'])
  return ROW_FIELDS.filter(field => wanted.has(field))
}
