import { jsonLists, jsonObjects } from './json-format.ts'
import { msgpackLists, msgpackObjects } from './msgpack-format.ts'
import type { RowFormat } from './row-format.ts'
import type { Signature } from './signature.ts'

/** How the rows of a subscription are written. */
export function rowFormatOf({ encoding, rows }: Pick<Signature, 'encoding' | 'rows'>): RowFormat {
  if (encoding === 'msgpack') return rows ? msgpackLists : msgpackObjects
  return rows ? jsonLists : jsonObjects
}
