import { matchesPattern } from '../instruments/key-pattern.ts'
import type { BoardTable, Entry } from './board-table.ts'
import { type FieldSet, lastTouch } from './field-set.ts'
import { encodeQuotes, encodeSnapshot } from './frames.ts'
import { Link, type Row } from './link.ts'
import { type Delivery, Member, type Outlet } from './member.ts'
import type { PushCounters } from './push-counters.ts'
import { type ReplayRing, renderUpdate } from './replay-ring.ts'
import type { Signature } from './signature.ts'

/** Rows of a group in mode `all` that may wait for its tick; the next one sends them before it is due. */
const MAX_WAITING_ROWS = 1024

/** What a group needs from its surroundings. */
export interface GroupContext {
  readonly board: BoardTable
  readonly counters: PushCounters
  readonly snapshotRows: number
  /** The newest updates of the board. */
  readonly ring: ReplayRing
  nowMicros(): number
  /** Runs `work` at the end of this event-loop turn. */
  defer(work: () => void): void
  /** Asks for `flush` at the group's next tick. */
  schedule(group: Group): void
}

/**
 * All clients with one signature: what they follow, what waits for the next tick, and who they are. A frame is encoded once.
 *
 * With an interval the clock alone decides when there is a tick, which then looks for what has happened: an update costs nothing per
 * group that merges it. Without one, the first update asks for the tick. In mode `all` each update is a row that has to be made at once.
 */
export class Group implements Delivery {
  readonly sid: string
  readonly signature: Signature
  readonly fields: FieldSet
  readonly lossless: boolean
  /** Ticks that had rows. */
  ticks = 0
  /** Whether it has a tick every interval, whatever happens. */
  readonly #isTicking: boolean
  readonly #context: GroupContext
  readonly #links = new Map<Entry, Link>()
  readonly #members: Member[] = []
  /** In mode `all`: the rows since the last tick. */
  #rows: Row[] = []
  /** Whether a tick is to come. Without one to come nothing waits. */
  #isScheduled = false
  /** While a tick is to come: each update at or below it was sent. */
  #sentUpTo = 0
  #rotation = 0
  #snapshot: { position: number; frames: Buffer[] } | null = null

  constructor(sid: string, signature: Signature, fields: FieldSet, context: GroupContext) {
    this.sid = sid
    this.signature = signature
    this.fields = fields
    this.lossless = signature.mode === 'all'
    this.#isTicking = signature.mode === 'conflate' && signature.intervalMs > 0
    this.#context = context
    for (const key of signature.keys) this.#follow(context.board.ensure(key))
    if (signature.patterns.length > 0) for (const entry of context.board.entries.values()) this.offer(entry)
  }

  get size(): number {
    return this.#members.length
  }

  /** The number of instruments with a value that the patterns and keys meet. */
  get matched(): number {
    let matched = 0
    for (const entry of this.#links.keys()) if (entry.row.candidates.size > 0) matched++
    return matched
  }

  get epoch(): string {
    return this.#context.board.epoch
  }

  get isLive(): boolean {
    return this.#context.board.isLive
  }

  get position(): number {
    return this.#context.board.position
  }

  /** Each update at or below it was sent or superseded by a sent row. */
  get safePosition(): number {
    return this.#isScheduled ? this.#sentUpTo : this.#context.board.position
  }

  /** Follows an entry if a pattern meets it. */
  offer(entry: Entry): void {
    if (this.signature.patterns.some(pattern => matchesPattern(pattern, entry.segments))) this.#follow(entry)
  }

  join(outlet: Outlet): Member {
    const member = new Member(this, outlet, this.#context.counters)
    member.index = this.#members.push(member) - 1
    if (this.#isTicking) this.#schedule(this.position)
    return member
  }

  leave(member: Member): void {
    if (this.#members[member.index] !== member) return
    const last = this.#members.pop()!
    if (last !== member) {
      this.#members[member.index] = last
      last.index = member.index
    }
    member.index = -1
  }

  /** One tick: encodes what waits once and gives it to every member, a different one first each time. */
  flush(): void {
    if (!this.#isScheduled || this.#members.length === 0) return
    const rows = this.#takeRows()
    this.#isScheduled = false
    if (this.#isTicking) this.#schedule(this.position)
    if (rows.length === 0) return
    this.ticks++
    const frame = this.encode(rows, this.position)
    const first = this.#rotation++ % this.#members.length
    for (let i = first; i < this.#members.length; i++) this.#members[i]!.deliver(frame, rows)
    for (let i = 0; i < first; i++) this.#members[i]!.deliver(frame, rows)
  }

  /** Begins anew after a change of epoch: every member gets a snapshot with the new positions. */
  restart(): void {
    this.#isScheduled = false
    this.#rows = []
    this.#snapshot = null
    for (const link of this.#links.values()) link.settle()
    if (this.#isTicking) this.#schedule(this.position)
    for (const member of this.#members) member.restart()
  }

  /** Follows nothing any more. */
  release(): void {
    for (const [entry, link] of this.#links) entry.followers.delete(link)
    this.#links.clear()
    this.#rows = []
  }

  *waiting(): Iterable<readonly [Link, { q: number; n: number }]> {
    for (const row of this.#rows) yield [row.link, { q: row.q, n: 0 }]
    if (this.lossless || !this.#isScheduled) return
    for (const link of this.#linksSince(this.#sentUpTo)) if (link.n > 0) yield [link, { q: link.q, n: link.n }]
  }

  encode(rows: readonly Row[], q: number): Buffer {
    this.#context.counters.framesEncoded++
    return encodeQuotes(this.fields.format, this.sid, q, this.#context.nowMicros(), rows)
  }

  /** The board as this group shows it. Encoded once for all who ask in one event-loop turn. */
  snapshot(): readonly Buffer[] {
    const { board, snapshotRows } = this.#context
    if (this.#snapshot?.position !== board.position) {
      const head = { sid: this.sid, epoch: board.epoch, q: board.position }
      const frames = encodeSnapshot(head, this.#links.keys(), this.fields, snapshotRows)
      this.#snapshot = { position: board.position, frames }
      this.#context.defer(() => {
        this.#snapshot = null
      })
    }
    return this.#snapshot.frames
  }

  /**
   * What a client lacks that has every update up to `q`: one row an update in mode `all`, else one a symbol. Undefined where it is not
   * known any more.
   */
  missedSince(q: number): Row[] | undefined {
    const { ring } = this.#context
    if (!ring.covers(q)) return undefined
    const rows: Row[] = []
    for (const link of this.#linksSince(q)) this.#addMissed(rows, link, q)
    return rows.sort((a, b) => a.q - b.q)
  }

  /** Those of what was updated behind `q`, and maybe others: whatever is less to look at, all that happened or all that this group is about. */
  #linksSince(q: number): Iterable<Link> {
    const { ring } = this.#context
    if (!ring.covers(q) || ring.countAfter(q) >= this.#links.size) return this.#links.values()
    const links = new Set<Link>()
    for (const { entry } of ring.after(q)) {
      const link = this.#links.get(entry)
      if (link !== undefined) links.add(link)
    }
    return links
  }

  #addMissed(rows: Row[], link: Link, q: number): void {
    const { entry, mask } = link
    const missed = [...this.#context.ring.ofEntry(entry, q)].filter(({ touched }) => (touched & mask) !== 0)
    const [first] = missed
    const last = missed.at(-1)
    if (first === undefined || last === undefined) return
    if (this.lossless) {
      for (const update of missed) {
        const text = renderUpdate(update, this.fields) ?? ''
        rows.push({ link, q: update.q, p: lastTouch(update.before, mask), n: 1, text })
      }
    } else {
      rows.push({ link, q: last.q, p: lastTouch(first.before, mask), n: missed.length, text: link.render() ?? '' })
    }
  }

  #follow(entry: Entry): void {
    if (this.#links.has(entry)) return
    const link = new Link(entry, this.fields, this.#onTouch)
    this.#links.set(entry, link)
    if (this.signature.mode !== 'latest' && !this.#isTicking) entry.followers.add(link)
  }

  /** An update is being applied: each at or below its position, but for itself, was sent or waits. */
  readonly #onTouch = (link: Link): void => {
    this.#schedule(this.position - 1)
    if (!this.lossless) return
    this.#rows.push(link.take())
    if (this.#rows.length >= MAX_WAITING_ROWS) this.flush()
  }

  #takeRows(): readonly Row[] {
    const { counters } = this.#context
    const rows = this.#rows
    this.#rows = []
    if (!this.lossless && this.#sentUpTo < this.position)
      for (const link of this.#linksSince(this.#sentUpTo)) if (link.n > 0) rows.push(link.take())
    for (const { n } of rows) {
      counters.updates += n
      counters.updatesConflated += n - 1
    }
    return rows
  }

  #schedule(sentUpTo: number): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#sentUpTo = sentUpTo
    this.#context.schedule(this)
  }
}
