import { type Candidate, candidateField, visible } from '../quote/board.ts'
import { GROUP_NAMES, type QuoteStatus } from '../quote/quote.ts'
import type { Entry } from './board-table.ts'
import type { FieldSet, TouchMask } from './field-set.ts'

/** One update of the board, as it was then. */
export interface Update {
  readonly entry: Entry
  readonly q: number
  readonly touched: TouchMask
  /** Per bit of the touch mask the position of the update before this one that had it; 0 where none is known. */
  readonly before: readonly number[]
  readonly status: QuoteStatus | null
  /** What each group showed, in the order of the groups. */
  readonly shown: readonly (Candidate | undefined)[]
  /** The next update of the same entry. */
  next: Update | undefined
}

/** The updates of one entry, linked from the oldest. */
interface Chain {
  oldest: Update
  newest: Update
}

/**
 * The newest updates of the board in the order of the stream, for clients that come back: at most `capacity`, of one epoch. Each
 * keeps one quote alive that the board may have replaced.
 */
export class ReplayRing {
  readonly #capacity: number
  readonly #updates: Update[] = []
  readonly #chains = new Map<Entry, Chain>()
  /** Where the next one goes once the ring is full; the oldest stands there. */
  #next = 0
  /** Every update behind it is here. */
  #from = Number.POSITIVE_INFINITY

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  /** Forgets everything; updates behind position `from` will follow. */
  restart(from: number): void {
    this.#updates.length = 0
    this.#chains.clear()
    this.#next = 0
    this.#from = from
  }

  /** Updates are to be added in the order of the stream. */
  add(entry: Entry, touched: TouchMask): void {
    const { q, status, row } = entry
    const shown = GROUP_NAMES.map(group => visible(row, group))
    const update: Update = { entry, q, touched, before: [...entry.touchedAt], status, shown, next: undefined }
    this.#link(update)
    if (this.#updates.length < this.#capacity) {
      this.#updates.push(update)
      return
    }
    const oldest = this.#updates[this.#next]
    if (oldest === undefined) return
    this.#from = oldest.q
    this.#unlink(oldest)
    this.#updates[this.#next] = update
    this.#next = (this.#next + 1) % this.#capacity
  }

  /** Whether every update behind `q` is still here. */
  covers(q: number): boolean {
    return q >= this.#from
  }

  /** The updates behind `q`, oldest first. */
  *after(q: number): Iterable<Update> {
    for (let i = this.#firstAfter(q); i < this.#updates.length; i++) yield this.#at(i)
  }

  /** The updates of one entry behind `q`, oldest first. */
  *ofEntry(entry: Entry, q: number): Iterable<Update> {
    for (let update = this.#chains.get(entry)?.oldest; update !== undefined; update = update.next) {
      if (update.q > q) yield update
    }
  }

  /** The number of updates behind `q`. */
  countAfter(q: number): number {
    return this.#updates.length - this.#firstAfter(q)
  }

  #link(update: Update): void {
    const chain = this.#chains.get(update.entry)
    if (chain === undefined) {
      this.#chains.set(update.entry, { oldest: update, newest: update })
      return
    }
    chain.newest.next = update
    chain.newest = update
  }

  /** Takes out the oldest update, which is the oldest of its entry too. */
  #unlink({ entry, next }: Update): void {
    const chain = this.#chains.get(entry)
    if (chain === undefined) return
    if (next === undefined) this.#chains.delete(entry)
    else chain.oldest = next
  }

  /** The place of the first update behind `q`, counted from the oldest. */
  #firstAfter(q: number): number {
    let low = 0
    let high = this.#updates.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#at(middle).q > q) high = middle
      else low = middle + 1
    }
    return low
  }

  #at(place: number): Update {
    return this.#updates[(this.#next + place) % this.#updates.length] as Update
  }
}

/** The fields of a row as an update left them; see `FieldSet.render`. */
export function renderUpdate({ entry, shown, status }: Update, fields: FieldSet): string | undefined {
  const candidates = new Map<string, Candidate>()
  for (const [index, group] of GROUP_NAMES.entries()) {
    const candidate = shown[index]
    if (candidate !== undefined) candidates.set(candidateField(group, candidate.quote.src.channel), candidate)
  }
  return fields.render({ key: entry.key, candidates }, status)
}
