import {
  carries,
  FIELD_GROUPS,
  type FieldGroup,
  GROUP_NAMES,
  type Micros,
  type Quote,
  type QuoteStatus
} from './quote.ts'

/**
 * The board row: what is known now of one instrument, merged from quotes field group by field group.
 *
 * Per group and channel the candidate that {@link compareCandidates} puts last is kept; a group shows the candidate with the
 * greatest `observedTime` (ties: smaller position, then greater epoch and channel). Both are maxima of total orders, so the merge is commutative,
 * associative and idempotent: whoever has seen the same quotes shows the same board, in whatever order they came.
 */
export interface BoardRow {
  readonly key: string
  /** Per `group|channel`, the newest quote that carries the group. Bounded by the channels of the sources that serve the key. */
  readonly candidates: Map<string, Candidate>
}

/** A quote with its place in the stream. */
export interface Candidate {
  readonly quote: Quote
  /** Names the incarnation of the stream that `q` counts in. */
  readonly epoch: string
  /** The position: `streamSequence * 4096 + index`. */
  readonly q: number
}

export function emptyRow(key: string): BoardRow {
  return { key, candidates: new Map() }
}

/** The field of a row's candidates under which a quote competes. */
export function candidateField(group: FieldGroup, channel: string): string {
  return `${group}|${channel}`
}

/** Merges a quote into a row, in place. @returns the groups whose visible value may have changed; empty when the quote was older. */
export function mergeQuote(row: BoardRow, candidate: Candidate): FieldGroup[] {
  const changed: FieldGroup[] = []
  for (const group of GROUP_NAMES) {
    if (!carries(candidate.quote, group)) continue
    const field = candidateField(group, candidate.quote.src.channel)
    const held = row.candidates.get(field)
    if (held !== undefined && compareCandidates(candidate, held) <= 0) continue
    const shown = visible(row, group)
    row.candidates.set(field, candidate)
    if (visible(row, group) !== shown) changed.push(group)
  }
  return changed
}

/**
 * The order of two quotes of one channel: sequence kind, sequence, exchange time, observed time, then the smaller position, then the
 * epoch's text; what is null comes first. A sequence that started again has a longer kind (`u~<micros>`), so it outranks the old one.
 */
export function compareCandidates(a: Candidate, b: Candidate): number {
  return (
    compareSequence(a.quote.seqKind, b.quote.seqKind) ||
    compareSequence(a.quote.seq, b.quote.seq) ||
    (a.quote.exchangeTime ?? -1) - (b.quote.exchangeTime ?? -1) ||
    a.quote.observedTime - b.quote.observedTime ||
    b.q - a.q ||
    compareText(a.epoch, b.epoch)
  )
}

/** Decimal integers of any length, or names: by length, then text; null first. */
export function compareSequence(a: string | null, b: string | null): number {
  if (a === b) return 0
  if (a === null) return -1
  if (b === null) return 1
  return a.length - b.length || (a < b ? -1 : 1)
}

/** The candidate that a group shows, or undefined when no channel has carried it. */
export function visible(row: BoardRow, group: FieldGroup): Candidate | undefined {
  let best: Candidate | undefined
  const prefix = `${group}|`
  for (const [field, candidate] of row.candidates) {
    if (field.startsWith(prefix) && (best === undefined || newerObservation(candidate, best))) best = candidate
  }
  return best
}

/** Whether `a` is shown in place of `b`: the later observation, ties as {@link visible} breaks them. */
export function newerObservation(a: Candidate, b: Candidate): boolean {
  const order =
    a.quote.observedTime - b.quote.observedTime ||
    b.q - a.q ||
    compareText(a.epoch, b.epoch) ||
    compareText(a.quote.src.channel, b.quote.src.channel)
  return order > 0
}

/** The newest of the shown candidates of a row, of all groups. */
export function newestShown(row: BoardRow): Candidate | undefined {
  return newestOf(row, () => true)
}

/**
 * The status of a row: the newest that a shown candidate tells, since most channels do not (`unknown`) and hide none; null while
 * the row is empty.
 */
export function shownStatus(row: BoardRow): QuoteStatus | null {
  const told = newestOf(row, ({ quote }) => quote.status !== 'unknown') ?? newestShown(row)
  return told?.quote.status ?? null
}

function newestOf(row: BoardRow, counts: (candidate: Candidate) => boolean): Candidate | undefined {
  let newest: Candidate | undefined
  for (const group of GROUP_NAMES) {
    const shown = visible(row, group)
    if (shown === undefined || !counts(shown)) continue
    if (newest === undefined || newerObservation(shown, newest)) newest = shown
  }
  return newest
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** A board row as clients see it: values of all groups, with the times and the position of the newest observation among them. */
export interface BoardView extends Partial<Omit<Quote, 'id' | 'seq' | 'seqKind' | 'src'>> {
  key: string
  /** That of the newest observation. */
  epoch: string
  /** The greatest position of this epoch among the shown candidates. */
  q: number
  status: QuoteStatus
  exchangeTime: Micros | null
  receivedTime: Micros
  observedTime: Micros
  publishedTime: Micros
}

/** The visible values of a row, or undefined while it holds none. Groups that no channel carried are absent. */
export function viewRow(row: BoardRow): BoardView | undefined {
  const newest = newestShown(row)
  const status = shownStatus(row)
  if (newest === undefined || status === null) return undefined
  const { exchangeTime, receivedTime, observedTime, publishedTime } = newest.quote
  const { epoch } = newest
  const view: BoardView = {
    key: row.key,
    epoch,
    q: newest.q,
    status,
    exchangeTime,
    receivedTime,
    observedTime,
    publishedTime
  }
  for (const group of GROUP_NAMES) {
    const shown = visible(row, group)
    if (shown === undefined) continue
    // Positions of different epochs do not compare.
    if (shown.epoch === epoch) view.q = Math.max(view.q, shown.q)
    copyGroup(view, shown.quote, group)
  }
  return view
}

/** Copies the fields of one group from a quote. */
export function copyGroup(target: Partial<Quote>, quote: Quote, group: FieldGroup): void {
  for (const field of FIELD_GROUPS[group]) Object.assign(target, { [field]: quote[field] })
}
