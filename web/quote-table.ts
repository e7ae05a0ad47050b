import type { Row } from '../client/index.ts'

const COLUMNS = ['last', 'change', 'bid', 'ask', 'volume', 'age'] as const
type Column = (typeof COLUMNS)[number]

interface Line {
  row: Row
  element: HTMLTableRowElement
  cells: Record<Column, HTMLTableCellElement>
}

/** An age from which a quote is shown as old. */
const OLD_S = 10

/** The table of instruments, ordered by key. Changes are drawn once per frame of the screen, whatever came in between. */
export class QuoteTable {
  readonly #body: HTMLElement
  readonly #onCount: (shown: number) => void
  readonly #lines = new Map<string, Line>()
  readonly #changed = new Map<string, Row>()
  #words: string[] = []
  /** The gateway's clock minus this one, in microseconds. */
  clockOffset = 0

  constructor(body: HTMLElement, onCount: (shown: number) => void) {
    this.#body = body
    this.#onCount = onCount
  }

  /** Replaces the board. */
  reset(rows: ReadonlyMap<string, Row>): void {
    // What was not drawn yet is older than these, or no longer to be seen.
    this.#changed.clear()
    for (const [key, { element }] of this.#lines) {
      if (rows.has(key)) continue
      element.remove()
      this.#lines.delete(key)
    }
    for (const row of rows.values()) this.update(row)
    if (rows.size === 0) this.#draw()
  }

  update(row: Row): void {
    if (this.#changed.size === 0) requestAnimationFrame(() => this.#draw())
    this.#changed.set(row.key, row)
  }

  /** Shows the rows whose key holds every word of the text. */
  filter(text: string): void {
    this.#words = text.toLowerCase().split(/\s+/).filter(Boolean)
    for (const line of this.#lines.values()) line.element.hidden = !this.#matches(line.row.key)
    this.#count()
  }

  /** Draws the ages anew. */
  tick(): void {
    for (const line of this.#lines.values()) if (!line.element.hidden) this.#drawAge(line)
  }

  #draw(): void {
    const size = this.#lines.size
    for (const row of this.#changed.values()) this.#drawRow(row)
    this.#changed.clear()
    if (this.#lines.size !== size) this.#sort()
    this.#count()
  }

  #drawRow(row: Row): void {
    const line = this.#lines.get(row.key) ?? this.#add(row)
    const before = line.row
    line.row = row
    setText(line.cells.last, row.last ?? '')
    setText(line.cells.bid, row.bid ?? '')
    setText(line.cells.ask, row.ask ?? '')
    setText(line.cells.volume, row.volume ?? '')
    const change = percentOf(row.last, row.open)
    setText(line.cells.change, change === null ? '' : `${change < 0 ? '' : '+'}${change.toFixed(2)} %`)
    line.cells.change.classList.toggle('up', change !== null && change > 0)
    line.cells.change.classList.toggle('down', change !== null && change < 0)
    line.element.title = row.status ?? ''
    flash(line.cells.last, before.last, row.last)
    flash(line.cells.bid, before.bid, row.bid)
    flash(line.cells.ask, before.ask, row.ask)
    this.#drawAge(line)
  }

  #drawAge({ row, cells: { age } }: Line): void {
    const seconds = Math.max(0, (Date.now() * 1000 + this.clockOffset - (row.receivedTime ?? 0)) / 1e6)
    setText(age, row.receivedTime === undefined ? '' : ageText(seconds))
    age.classList.toggle('old', seconds >= OLD_S)
  }

  #add(row: Row): Line {
    const element = document.createElement('tr')
    element.dataset.key = row.key
    element.hidden = !this.#matches(row.key)
    const [venue = '', type = '', symbol = row.key] = row.key.split(':')
    const head = document.createElement('th')
    head.scope = 'row'
    const place = document.createElement('small')
    place.textContent = `${venue} ${type}`
    head.append(symbol, place)
    element.append(head)
    const cells = Object.fromEntries(
      COLUMNS.map(name => {
        const cell = document.createElement('td')
        cell.className = 'number'
        cell.dataset.column = name
        element.append(cell)
        return [name, cell]
      })
    ) as Line['cells']
    const line = { row, element, cells }
    this.#lines.set(row.key, line)
    return line
  }

  #sort(): void {
    const lines = [...this.#lines.values()].sort((a, b) => (a.row.key < b.row.key ? -1 : 1))
    this.#body.replaceChildren(...lines.map(({ element }) => element))
  }

  #matches(key: string): boolean {
    const text = key.toLowerCase()
    return this.#words.every(word => text.includes(word))
  }

  #count(): void {
    let shown = 0
    for (const { element } of this.#lines.values()) if (!element.hidden) shown++
    this.#onCount(shown)
  }
}

function setText(cell: HTMLElement, text: string): void {
  if (cell.textContent !== text) cell.textContent = text
}

/** For display only: the values themselves are shown as they came. */
function percentOf(last: string | null | undefined, open: string | null | undefined): number | null {
  const percent = last && open ? (Number(last) / Number(open) - 1) * 100 : Number.NaN
  return Number.isFinite(percent) ? percent : null
}

function flash(cell: HTMLElement, before: string | null | undefined, now: string | null | undefined): void {
  if (!before || !now || before === now) return
  const name = Number(now) > Number(before) ? 'rose' : 'fell'
  cell.classList.remove('rose', 'fell')
  // Reading the layout lets the animation begin again.
  void cell.offsetWidth
  cell.classList.add(name)
}

function ageText(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 120) return `${Math.floor(seconds)} s`
  return `${Math.floor(seconds / 60)} min`
}
