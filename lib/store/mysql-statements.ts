import { escape as quoteText } from 'mysql2'
import type { SqlTable, SqlValue } from './sql-client.ts'

/** Multi-row statements of at most `maxBytes` each, unless one row alone is longer. */
export function insertStatements(
  verb: string,
  { name, columns }: SqlTable,
  rows: readonly SqlValue[][],
  suffix: string,
  maxBytes: number
): string[] {
  const prefix = `${verb} INTO ${name} (${columns.join(', ')}) VALUES `
  const room = maxBytes - prefix.length - suffix.length
  const statements: string[] = []
  let tuples: string[] = []
  let bytes = 0
  const flush = () => {
    if (tuples.length > 0) statements.push(prefix + tuples.join(',') + suffix)
    tuples = []
    bytes = 0
  }
  for (const row of rows) {
    const tuple = `(${row.map(literal).join(',')})`
    const size = Buffer.byteLength(tuple) + 1
    if (bytes + size > room) flush()
    tuples.push(tuple)
    bytes += size
  }
  flush()
  return statements
}

function literal(value: SqlValue): string {
  return value === null ? 'NULL' : typeof value === 'number' ? String(value) : quoteText(value)
}
