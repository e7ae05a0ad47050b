import { type SourceStatus, sourceWay } from '../quote/events.ts'
import type { Micros } from '../quote/quote.ts'

/** Failures in a row after which a source counts as down. */
const FAILURES = 5

/** Whether a source answers requests at all. One bad fetch is no outage; the first good one ends it. */
export class SourceHealth {
  readonly #id: string
  #failures = 0
  #down = false

  constructor(source: string) {
    this.#id = sourceWay(source, 'rest')
  }

  get down(): boolean {
    return this.#down
  }

  /** @returns the change to announce, if there is one. */
  succeed(now: Micros): SourceStatus | undefined {
    this.#failures = 0
    if (!this.#down) return undefined
    this.#down = false
    return { scope: 'source', id: this.#id, state: 'ok', since: now, reason: null }
  }

  /** @returns the change to announce, if there is one. */
  fail(reason: string, now: Micros): SourceStatus | undefined {
    this.#failures++
    if (this.#down || this.#failures < FAILURES) return undefined
    this.#down = true
    return { scope: 'source', id: this.#id, state: 'down', since: now, reason }
  }
}
