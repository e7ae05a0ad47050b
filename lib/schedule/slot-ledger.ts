import type { FetchOutcome } from '../quote/events.ts'
import type { Micros } from '../quote/quote.ts'

/** How a slot ends: what the fetcher says, or that it was not sent, or that nothing was heard of it. */
export type SlotOutcome = FetchOutcome | 'skipped' | 'missed'

/** `due = done + late + failed + skipped + missed + pending`, always. */
export interface SlotCounts {
  due: number
  done: number
  late: number
  failed: number
  skipped: number
  missed: number
  pending: number
}

/** One of the last slots of a job. */
export interface SettledSlot {
  slot: Micros
  outcome: SlotOutcome
  reason: string | null
}

/** A slot that has been sent and of which nothing has been heard yet. */
export interface OpenSlot {
  slot: Micros
  deadline: Micros
  missedAfter: Micros
}

interface Page {
  counts: SlotCounts
  /** By `outcome(reason)`. */
  reasons: Record<string, number>
  open: Map<Micros, OpenSlot>
  /** The last {@link RECENT} settled slots. */
  recent: SettledSlot[]
}

const RECENT = 60

/** Reasons are codes of closed lists; should one not be, further ones are counted together. */
const MAX_REASONS = 48

/**
 * Accounts for every slot of every job: none ends without a count. Bounded by the jobs; open slots by {@link
 * SlotLedger.expire}.
 */
export class SlotLedger {
  readonly #pages = new Map<string, Page>()
  /** Ends that were reported for a slot that was already counted, or never opened. */
  unexpected = 0

  /** A slot was due and is sent. */
  open(job: string, slot: OpenSlot): void {
    const page = this.#page(job)
    if (page.open.has(slot.slot)) return
    page.open.set(slot.slot, slot)
    page.counts.due++
    page.counts.pending++
  }

  /** A slot was due and is not sent. */
  skip(job: string, slot: Micros, reason: string): void {
    this.#page(job).counts.due++
    this.#record(job, { slot, outcome: 'skipped', reason })
  }

  /** Slots came and went unnoticed; `last` is the newest of them. */
  miss(job: string, count: number, last: Micros, reason: string): void {
    this.#page(job).counts.due += count
    this.#record(job, { slot: last, outcome: 'missed', reason }, count)
  }

  /** An open slot has ended. @returns false for one that is not open. */
  settle(job: string, slot: Micros, outcome: SlotOutcome, reason: string | null): boolean {
    const page = this.#pages.get(job)
    if (page === undefined || !page.open.delete(slot)) {
      this.unexpected++
      return false
    }
    page.counts.pending--
    this.#record(job, { slot, outcome, reason })
    return true
  }

  /** Settles the open slots of which nothing has been heard for too long. */
  expire(now: Micros): void {
    for (const [job, { open }] of this.#pages) {
      for (const { slot, missedAfter } of open.values()) {
        if (missedAfter <= now) this.settle(job, slot, 'missed', 'unheard')
      }
    }
  }

  /** The number of open slots that may still begin. */
  beginning(job: string, now: Micros): number {
    let count = 0
    for (const { deadline } of this.#pages.get(job)?.open.values() ?? []) if (deadline > now) count++
    return count
  }

  counts(job: string): SlotCounts {
    return { ...this.#page(job).counts }
  }

  reasons(job: string): Record<string, number> {
    return { ...this.#page(job).reasons }
  }

  /** The last settled slots, oldest first. */
  recent(job: string): SettledSlot[] {
    return [...this.#page(job).recent]
  }

  totals(): SlotCounts {
    const sum = zero()
    for (const { counts } of this.#pages.values()) {
      for (const name of Object.keys(sum) as (keyof SlotCounts)[]) sum[name] += counts[name]
    }
    return sum
  }

  #record(job: string, settled: SettledSlot, count = 1): void {
    const { counts, reasons, recent } = this.#page(job)
    counts[settled.outcome] += count
    if (settled.reason !== null) {
      const label = `${settled.outcome}(${settled.reason})`
      const name = label in reasons || Object.keys(reasons).length < MAX_REASONS ? label : `${settled.outcome}(other)`
      reasons[name] = (reasons[name] ?? 0) + count
    }
    recent.push(settled)
    if (recent.length > RECENT) recent.shift()
  }

  #page(job: string): Page {
    let page = this.#pages.get(job)
    if (page === undefined) {
      page = { counts: zero(), reasons: {}, open: new Map(), recent: [] }
      this.#pages.set(job, page)
    }
    return page
  }
}

function zero(): SlotCounts {
  return { due: 0, done: 0, late: 0, failed: 0, skipped: 0, missed: 0, pending: 0 }
}
