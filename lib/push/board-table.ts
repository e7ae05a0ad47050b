import { type BoardRow, type Candidate, emptyRow, mergeQuote, shownStatus } from '../quote/board.ts'
import type { QuoteStatus } from '../quote/quote.ts'
import { type FieldSet, GROUP_BITS, STATUS_BIT, TOUCH_BITS, TOUCH_MASKS, type TouchMask } from './field-set.ts'
import { type Packed, packText } from './pack.ts'
import type { PushCounters } from './push-counters.ts'

/**
 * Someone who has to know at once: told of every update of one key that meets its mask, in the order of the stream, when the entry
 * has counted it. Whoever can wait looks at the entry instead, which costs an update nothing.
 */
export interface Follower {
  readonly mask: TouchMask
  touch(): void
}

/** What one field set shows of an entry since its last update. */
export interface Rendering {
  /** See {@link FieldSet.render}. */
  readonly text: string | undefined
  /** The last row of a frame that was made of it; groups that tick between the same two updates mostly send the same. */
  row: { readonly q: number; readonly p: number; readonly n: number; readonly written: string } | null
}

/** One instrument on the gateway's board. */
export interface Entry {
  readonly key: string
  readonly segments: readonly string[]
  /** How a row of it begins as a JSON object: the key, up to the value of `q`. */
  readonly prefix: string
  /** The key as JSON and as MessagePack write it. */
  readonly jsonKey: string
  readonly packedKey: Packed
  readonly row: BoardRow
  /** The position of the newest update; 0 while there is none of this epoch. */
  q: number
  /** Per bit of the touch mask the position of the newest update that had it; 0 where none of this epoch is known. */
  readonly touchedAt: number[]
  /** Per touch mask the number of updates so far that met it; who remembers one knows how many there were since. */
  readonly touches: number[]
  status: QuoteStatus | null
  readonly followers: Set<Follower>
  /** For the field sets of live groups; empty after an update. */
  readonly rendered: Map<FieldSet, Rendering>
}

/**
 * The gateway's own board: every instrument, merged by the rule of `lib/quote/board.ts`, and who follows it. Updates are applied
 * in stream order. Bounded by the instruments of the sources, plus the known ones that somebody asked for.
 */
export class BoardTable {
  readonly entries = new Map<string, Entry>()
  /** Told of every new entry, before its first update. */
  onEntry: (entry: Entry) => void = () => {}
  /** Told of every update while the board is live, before `touchedAt` of its entry moves on. */
  onUpdate: (entry: Entry, touched: TouchMask) => void = () => {}
  /** The incarnation of the stream that positions count in. */
  epoch = ''
  /** Every update at or below it was applied. */
  position = 0
  /** Whether followers hear of updates. False while the board is loaded, when positions may still fall for a key. */
  isLive = false
  readonly #counters: PushCounters

  constructor(counters: PushCounters) {
    this.#counters = counters
  }

  /** Merges a quote. It is counted when a visible value changed; followers hear of it when the board is live, too. */
  apply(candidate: Candidate): void {
    const entry = this.ensure(candidate.quote.key)
    const touched = this.#merge(entry, candidate)
    if (touched === 0) return
    entry.rendered.clear()
    if (this.isLive && candidate.q <= entry.q) this.#counters.updatesLate++
    if (candidate.epoch === this.epoch) entry.q = Math.max(entry.q, candidate.q)
    if (this.isLive) this.onUpdate(entry, touched)
    // Live ones come in order; a board is loaded in any.
    const own = candidate.epoch === this.epoch ? candidate.q : 0
    for (let bit = 0; bit < TOUCH_BITS; bit++)
      if (touched & (1 << bit)) entry.touchedAt[bit] = this.isLive ? entry.q : Math.max(entry.touchedAt[bit]!, own)
    for (let mask = 1; mask < TOUCH_MASKS; mask++) if (mask & touched) entry.touches[mask]!++
    if (!this.isLive) return
    for (const follower of entry.followers) if ((follower.mask & touched) !== 0) follower.touch()
  }

  /** Begins to count positions anew. Values stay: the merge does not depend on the epoch. */
  restart(epoch: string, position: number): void {
    this.epoch = epoch
    this.position = position
    for (const entry of this.entries.values()) {
      entry.q = 0
      entry.touchedAt.fill(0)
    }
  }

  /** Gives every entry the greatest position that this epoch's quotes have on it. @returns the greatest of all. */
  settle(): number {
    let greatest = 0
    for (const entry of this.entries.values()) {
      for (const { epoch, q } of entry.row.candidates.values()) {
        if (epoch === this.epoch && q > entry.q) entry.q = q
      }
      greatest = Math.max(greatest, entry.q)
    }
    return greatest
  }

  /** The entry of a key; made when it is not there. */
  ensure(key: string): Entry {
    const known = this.entries.get(key)
    if (known !== undefined) return known
    const entry: Entry = {
      key,
      segments: key.split(':'),
      prefix: `{"key":${JSON.stringify(key)},"q":`,
      jsonKey: JSON.stringify(key),
      packedKey: packText(key),
      row: emptyRow(key),
      q: 0,
      touchedAt: new Array<number>(TOUCH_BITS).fill(0),
      touches: new Array<number>(TOUCH_MASKS).fill(0),
      status: null,
      followers: new Set(),
      rendered: new Map()
    }
    this.entries.set(key, entry)
    this.onEntry(entry)
    return entry
  }

  /** Drops what was rendered for a field set that nobody shows any more. */
  forget(fields: FieldSet): void {
    for (const entry of this.entries.values()) entry.rendered.delete(fields)
  }

  #merge(entry: Entry, candidate: Candidate): TouchMask {
    let touched = 0
    for (const group of mergeQuote(entry.row, candidate)) touched |= GROUP_BITS[group]
    if (touched === 0) return 0
    // Not always the candidate's own: a newer sequence may carry an older observation than another channel's.
    const status = shownStatus(entry.row)
    if (status !== entry.status) touched |= STATUS_BIT
    entry.status = status
    return touched
  }
}

/** The fields of an entry's row, rendered once per update however many groups show them. */
export function renderEntry(entry: Entry, fields: FieldSet): string | undefined {
  const known = entry.rendered.get(fields)
  if (known !== undefined) return known.text
  const text = fields.render(entry.row, entry.status)
  entry.rendered.set(fields, { text, row: null })
  return text
}
