import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { Quote } from '../../../lib/quote/quote.ts'
import type { Mapping } from '../../../lib/sources/source.ts'

/** What became of the payloads of one file. */
export class Outcomes {
  readonly file: string
  payloads = 0
  quotes = 0
  instruments = 0
  unreadable = 0
  readonly ignored: Record<string, number> = {}
  readonly refused: Record<string, number> = {}
  readonly errors: Record<string, number> = {}

  constructor(file: string) {
    this.file = file
  }

  /** Counts a mapping. @returns its quotes */
  add(mapping: Mapping): Quote[] {
    this.payloads++
    if (mapping.kind === 'quotes' || mapping.kind === 'instruments') {
      for (const { code, detail } of mapping.refused) increment(this.refused, `${code} ${detail.split(':')[0]}`)
    }
    if (mapping.kind === 'instruments') this.instruments += mapping.instruments.length
    else if (mapping.kind === 'ignored') increment(this.ignored, mapping.reason)
    else if (mapping.kind === 'error') increment(this.errors, mapping.code)
    else if (mapping.kind === 'shutdown') increment(this.ignored, 'shutdown')
    else if (mapping.kind === 'unreadable') this.unreadable++
    if (mapping.kind !== 'quotes') return []
    this.quotes += mapping.quotes.length
    return mapping.quotes
  }

  /** A payload that is not given to the source, and why. */
  leaveOut(reason: string): void {
    this.payloads++
    increment(this.ignored, reason)
  }

  row(): string {
    const made = [`${this.quotes} quotes`, ...(this.instruments > 0 ? [`${this.instruments} instruments`] : [])]
    const parts = [
      `${this.payloads} read`,
      ...made,
      `ignored ${list(this.ignored)}`,
      `refused ${list(this.refused)}`,
      `errors ${list(this.errors)}`,
      `unreadable ${this.unreadable}`
    ]
    return `${this.file}: ${parts.join(' | ')}`
  }
}

/** Prints the row of a file; nothing in it may be unexplained. */
export function report(t: TestContext, outcomes: Outcomes): void {
  t.diagnostic(outcomes.row())
  assert.equal(outcomes.unreadable, 0, 'a payload is unexplained')
}

function list(counts: Record<string, number>): string {
  const entries = Object.entries(counts).sort(([a], [b]) => a.localeCompare(b))
  return entries.length === 0 ? '0' : entries.map(([name, count]) => `${name} ${count}`).join(', ')
}

function increment(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1
}
