import { oneLine } from './one-line.ts'

/** What stands in a column, by its title. Numbers stand at the right, texts at the left. */
export type Columns<Row> = Readonly<Record<string, (row: Row) => string | number>>

const GAP = '  '

/** Rows under titles in columns as wide as they need; every row is one line. The last column may be long. */
export function renderTable<Row>(rows: readonly Row[], columns: Columns<Row>): string {
  const rendered = Object.entries(columns).map(([title, cell]) => renderColumn(title, rows.map(cell)))
  return Array.from({ length: rows.length + 1 }, (_, line) =>
    rendered
      .map(cells => cells[line])
      .join(GAP)
      .trimEnd()
  ).join('\n')
}

function renderColumn(title: string, cells: readonly (string | number)[]): string[] {
  const texts = [title, ...cells.map(cell => oneLine(String(cell)))]
  const width = Math.max(...texts.map(text => text.length))
  const right = cells.length > 0 && cells.every(cell => typeof cell === 'number')
  return texts.map(text => (right ? text.padStart(width) : text.padEnd(width)))
}
