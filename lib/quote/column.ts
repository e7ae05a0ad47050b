/** The values of one field: one for each quote, or one that all of them have. */
export type Column<T> = T | T[]

/** A column of texts or nulls; short ones may be joined. */
export type TextColumn = Column<string | null> | { joined: string }

/**
 * Joined texts are read three times as fast: V8 looks up every short text of a JSON array in its table of strings. Longer ones it
 * does not look up, and would cut out of the joined text as a view that keeps all of it in memory.
 */
export const LONGEST_JOINED = 12
export const SEPARATOR = '|'

/** Tells a value once where all are the same. @param values At least one. */
export function fold<T extends string | number | null | [string]>(values: T[]): Column<T> {
  const first = values[0] as T
  return !Array.isArray(first) && areSame(values) ? first : values
}

/** The values of `n` quotes. */
export function unfold<T>(column: Column<T> | undefined, n: number): T[] {
  return Array.isArray(column) ? column : new Array<T>(n).fill(column as T)
}

/** @throws TypeError for a joined text of another number of values. */
export function unfoldTexts(column: TextColumn | undefined, n: number): (string | null)[] {
  if (typeof column !== 'object' || column === null || Array.isArray(column)) return unfold(column as Column<string>, n)
  const values: (string | null)[] = column.joined.split(SEPARATOR)
  if (values.length !== n) throw new TypeError(`expected ${n} values, got ${values.length}`)
  for (let index = 0; index < n; index++) if (values[index] === '') values[index] = null
  return values
}

function areSame(values: readonly unknown[]): boolean {
  const first = values[0]
  for (let index = 1; index < values.length; index++) if (values[index] !== first) return false
  return true
}
