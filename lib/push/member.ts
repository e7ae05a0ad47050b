import type { Link, Row } from './link.ts'
import type { PushCounters } from './push-counters.ts'

/** The connection of a member, as far as delivery needs it. */
export interface Outlet {
  readonly isOpen: boolean
  /** Whether so many bytes may be written now; false makes the client miss a tick. */
  hasRoom(bytes: number): boolean
  /** Whether so much is unsent that a client that wants every update cannot be served. */
  readonly isOverloaded: boolean
  /** Ticks that the client was left out of, of all its subscriptions. */
  skippedTicks: number
  write(frame: Buffer, rows: number): void
  send(message: { type: 'lag'; sid: string; skippedTicks: number }): void
  closeSlow(): void
}

/** The group of a member, as far as delivery needs it. */
export interface Delivery {
  readonly sid: string
  /** Every update is a row of its own, and none may be left out. */
  readonly lossless: boolean
  /** What waits for the next tick: per link the position and the number of updates. */
  waiting(): Iterable<readonly [Link, { q: number; n: number }]>
  /** Whether positions mean anything now: not while the board is being loaded. */
  readonly isLive: boolean
  /** The board's position. */
  readonly position: number
  /** Each update at or below it was sent to the group. */
  readonly safePosition: number
  /** A frame with these rows that is complete up to `q`. */
  encode(rows: readonly Row[], q: number): Buffer
  snapshot(): readonly Buffer[]
}

/**
 * One client in one group. In the ordinary case it gets the group's frame as it is. Two things make a frame of its own necessary, so
 * that the client sees neither a loss nor a duplicate: updates that its snapshot already showed when it joined in the middle of a
 * tick, and ticks that it was left out of because it was slow. Both are bounded by the symbols of the group.
 */
export class Member {
  readonly outlet: Outlet
  /** Its place in the group's dense array. */
  index = -1
  /** Ticks that the client was left out of. */
  skippedTicks = 0
  readonly #group: Delivery
  readonly #counters: PushCounters
  /** What waited when the client was brought up to date. */
  #shown: Map<Link, { q: number; n: number }> | null = null
  /** What the client has of the symbols of the ticks it was left out of, and how many updates it missed. */
  #missed: Map<Link, { p: number; n: number }> | null = null
  #untoldTicks = 0
  #needsSnapshot = false
  /** The position at which it was last brought up to date, which may lie ahead of the group's ticks. */
  #upToDateAt = 0

  constructor(group: Delivery, outlet: Outlet, counters: PushCounters) {
    this.#group = group
    this.outlet = outlet
    this.#counters = counters
  }

  /** Whether the client waits for room to catch up. */
  get isBehind(): boolean {
    return this.#missed !== null || this.#needsSnapshot
  }

  /** Each update at or below it was sent to the client, or superseded by a sent row. Never falls within an epoch. */
  get safePosition(): number {
    return Math.max(this.#group.safePosition, this.#upToDateAt)
  }

  /** Makes the client begin anew with a snapshot, at once or as soon as there is room. */
  restart(): void {
    this.#needsSnapshot = true
    this.catchUp()
  }

  /** Lets a client go on that lacks nothing but `rows`. In one frame, so that it has all of them or none when it is cut off again. */
  resume(rows: readonly Row[]): void {
    if (rows.length > 0) this.outlet.write(this.#group.encode(rows, this.#group.position), rows.length)
    this.#forget()
    this.#begin()
  }

  /**
   * Gives the client what waits for the group's next tick as well, so that it has everything up to the board's position and may leave
   * without a loss. @returns false while there is no room; then it has to stay
   */
  finish(): boolean {
    this.catchUp()
    if (this.isBehind || !this.#group.isLive || !this.outlet.isOpen || !this.outlet.hasRoom(0)) return false
    const waiting = Array.from(this.#group.waiting(), ([link, { q, n }]) => {
      return { link, q, p: link.sent, n, text: link.render() ?? '' }
    })
    const rows = this.#unseen(waiting)
    if (rows.length > 0) this.outlet.write(this.#group.encode(rows, this.#group.position), rows.length)
    return true
  }

  /** One tick: the group's frame and the rows in it. */
  deliver(frame: Buffer, rows: readonly Row[]): void {
    if (!this.outlet.isOpen) return
    if (this.isBehind) {
      this.#miss(this.#unseen(rows))
      this.catchUp()
      return
    }
    const own = this.#unseen(rows)
    if (own.length === 0) return
    const bytes = own === rows ? frame : this.#group.encode(own, this.#group.position)
    if (this.#group.lossless ? !this.outlet.isOverloaded : this.outlet.hasRoom(bytes.length)) {
      this.outlet.write(bytes, own.length)
    } else if (this.#group.lossless) {
      this.outlet.closeSlow()
    } else {
      this.#miss(own)
    }
  }

  /** Brings a client that was left out up to date with one row per symbol, if there is room now. */
  catchUp(): void {
    if (!this.#group.isLive || !this.outlet.isOpen || !this.isBehind || !this.outlet.hasRoom(0)) return
    if (this.#needsSnapshot) {
      this.#sendSnapshot()
      return
    }
    const missed = this.#missed!
    this.#missed = null
    const rows: Row[] = []
    for (const [link, { p, n }] of missed) {
      rows.push({ link, q: link.q, p, n: n + link.n, text: link.render() ?? '' })
      if (link.n > 0) this.#show(link, { q: link.q, n: link.n })
    }
    this.outlet.send({ type: 'lag', sid: this.#group.sid, skippedTicks: this.#untoldTicks })
    this.outlet.write(this.#group.encode(rows, this.safePosition), rows.length)
    this.#counters.catchUps++
    this.#untoldTicks = 0
  }

  /** What came before no longer matters: the client has everything, or is about to get it. */
  #forget(): void {
    this.#shown = null
    this.#missed = null
    this.#untoldTicks = 0
    this.#needsSnapshot = false
  }

  #sendSnapshot(): void {
    this.#forget()
    for (const page of this.#group.snapshot()) this.outlet.write(page, 0)
    this.#counters.snapshots++
    this.#begin()
  }

  /** The client has everything up to the board's position, also what waits for the group's next tick. */
  #begin(): void {
    this.#upToDateAt = this.#group.position
    for (const [link, seen] of this.#group.waiting()) this.#show(link, seen)
  }

  #show(link: Link, seen: { q: number; n: number }): void {
    this.#shown ??= new Map()
    this.#shown.set(link, seen)
  }

  /** The rows without what the client was shown already; the same array when that is all of them. */
  #unseen(rows: readonly Row[]): readonly Row[] {
    const shown = this.#shown
    if (shown === null) return rows
    this.#shown = null
    const own: Row[] = []
    for (const row of rows) {
      const seen = shown.get(row.link)
      if (seen === undefined) own.push(row)
      else if (row.q > seen.q) own.push({ ...row, p: Math.max(row.p, seen.q), n: row.n - seen.n })
    }
    return own
  }

  #miss(rows: readonly Row[]): void {
    this.#untoldTicks++
    this.skippedTicks++
    this.outlet.skippedTicks++
    this.#counters.ticksSkipped++
    if (this.#needsSnapshot) return
    this.#missed ??= new Map()
    for (const { link, p, n } of rows) {
      const earlier = this.#missed.get(link)
      if (earlier === undefined) this.#missed.set(link, { p, n })
      else earlier.n += n
    }
  }
}
