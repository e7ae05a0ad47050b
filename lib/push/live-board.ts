import type { Candidate } from '../quote/board.ts'
import { BoardTable } from './board-table.ts'
import type { Clock } from './clock.ts'
import { Flusher } from './flusher.ts'
import { GroupTable } from './group-table.ts'
import type { PushLimits } from './limits.ts'
import type { PushCounters } from './push-counters.ts'
import { ReplayRing } from './replay-ring.ts'
import { Stretch } from './stretch.ts'

/** Between two looks at the clock while a batch is applied. */
const QUOTES_PER_LOOK = 256
/** A gateway that is behind another one catches up within this time, or is not waited for. */
const REACH_MS = 2_000
const REACH_STEP_MS = 5

/** The board of a gateway with the groups that show it: what comes in, what is remembered of it, and when it goes out. */
export class LiveBoard {
  readonly board: BoardTable
  readonly groups: GroupTable
  readonly stretch: Stretch
  readonly #clock: Clock
  readonly #ring: ReplayRing
  readonly #flusher: Flusher
  #isReady = false

  constructor(clock: Clock, limits: PushLimits, counters: PushCounters) {
    this.#clock = clock
    const board = new BoardTable(counters)
    const ring = new ReplayRing(limits.replayUpdates)
    this.stretch = new Stretch(limits.maxIntervalMs)
    this.#flusher = new Flusher(clock, limits.maxIntervalMs, this.stretch)
    this.groups = new GroupTable({
      board,
      counters,
      snapshotRows: limits.snapshotRows,
      ring,
      nowMicros: clock.nowMicros,
      defer: clock.defer,
      schedule: group => this.#flusher.schedule(group)
    })
    board.onUpdate = (entry, touched) => ring.add(entry, touched)
    board.onEntry = entry => this.groups.offer(entry)
    this.board = board
    this.#ring = ring
  }

  /** Whether the board is complete, so that it may be shown. */
  get isReady(): boolean {
    return this.#isReady
  }

  /** Applies quotes in stream order; `position` moves with them. */
  apply(candidates: readonly Candidate[]): void {
    candidates.forEach((candidate, index) => {
      this.board.position = candidate.q
      this.board.apply(candidate)
      if (index % QUOTES_PER_LOOK === QUOTES_PER_LOOK - 1) this.#flusher.flushIfLate()
    })
  }

  /** Shows nothing until `restart`. */
  pause(): void {
    this.#isReady = false
    this.board.isLive = false
    this.#flusher.pause()
  }

  /** The board is complete: everybody gets a snapshot with the positions of the epoch. */
  restart(): void {
    this.#isReady = true
    this.board.isLive = true
    this.#ring.restart(this.board.position)
    this.#flusher.restart()
    for (const group of this.groups.values()) group.restart()
  }

  /** Resolves to whether the board has reached a position within a moment. */
  async reach(q: number): Promise<boolean> {
    const end = this.#clock.nowMs() + REACH_MS
    while (this.board.position < q && this.#clock.nowMs() < end) {
      await new Promise<void>(resolve => this.#clock.after(REACH_STEP_MS, resolve))
    }
    return this.board.position >= q
  }

  close(): void {
    this.pause()
    this.#flusher.close()
  }
}
