import type { EgressErrorCode } from '../egress/egress-error.ts'
import type { Instrument } from '../instruments/instrument-store.ts'
import type { Quote } from '../quote/quote.ts'
import type { Refusal, SourceErrorCode } from '../sources/source.ts'

/** Why a fetch failed: a code of the egress or of the source. */
export type FailureCode = EgressErrorCode | SourceErrorCode

/** What the calls of one fetch brought in, put together. */
export class Harvest {
  readonly quotes: Quote[] = []
  readonly instruments: Instrument[] = []
  /** Entries that could not be taken, by code, quarantined keys included. */
  readonly refused: Partial<Record<Refusal['code'] | 'bad_symbol', number>> = {}
  /** Requests that were sent. */
  attempts = 0
  /** The label of the egress that carried the last response. */
  egress: string | null = null
  /** Of the first call that failed. */
  failure: { code: FailureCode; message: string } | null = null

  refuse(code: Refusal['code'] | 'bad_symbol', count = 1): void {
    this.refused[code] = (this.refused[code] ?? 0) + count
  }

  fail(code: FailureCode, message: string): void {
    this.failure ??= { code, message }
  }

  get refusedCount(): number {
    return Object.values(this.refused).reduce((sum, count) => sum + count, 0)
  }
}
