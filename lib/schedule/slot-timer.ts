import type { Micros } from '../quote/quote.ts'
import type { Clock } from './clock.ts'
import type { Job } from './job.ts'
import { MinHeap } from './min-heap.ts'
import { nextSlot } from './slots.ts'

/** What the timer says. Neither may throw. */
export interface SlotListener {
  /** A slot is due now, or was less than an interval ago. */
  onDue(job: Job, slot: Micros): void
  /** Slots went by without the timer running (a stall, or a clock that jumped ahead); `last` is the newest of them. */
  onMissed(job: Job, count: number, last: Micros): void
  /** Comes at least once a second while the timer runs. */
  onWake(now: Micros): void
}

interface Entry {
  job: Job
  due: Micros
}

/** The longest sleep, so that a jump of the clock is noticed. */
const LONGEST_SLEEP_MS = 1_000

/** Wall and monotonic clock further apart than this between two wakes: a jump. */
const JUMP_MS = 500

/**
 * After a clock that went back by no more than this, slots that were due already are not repeated: the stream would
 * drop their ticks as duplicates anyway. After a greater step slots follow the new time at once.
 */
const REPEAT_AFTER_MS = 120_000

/**
 * Tells when slots are due: one chain of timers over a heap, checked against the wall clock at each wake, so that
 * nothing drifts. What is late by an interval or more is missed, not caught up.
 */
export class SlotTimer {
  readonly #clock: Clock
  readonly #listener: SlotListener
  readonly #heap = new MinHeap<Entry>((a, b) => a.due - b.due)
  #cancel: (() => void) | undefined
  #running = false
  #wall: Micros = 0
  #monotonicMs = 0
  /** Jumps of the wall clock that were noticed. */
  jumps = 0

  constructor(clock: Clock, listener: SlotListener) {
    this.#clock = clock
    this.#listener = listener
  }

  /** Begins with these jobs. Their first slots are the next ones. */
  start(jobs: readonly Job[]): void {
    if (this.#running) return
    this.#running = true
    const now = this.#look()
    for (const job of jobs) this.#heap.push({ job, due: nextSlot(job, now) })
    this.#sleep(now)
  }

  /** Idempotent. */
  stop(): void {
    this.#running = false
    this.#cancel?.()
    this.#cancel = undefined
    this.#heap.drain()
  }

  #wake(): void {
    const [wall, monotonicMs] = [this.#wall, this.#monotonicMs]
    const now = this.#look()
    const jumpMs = (now - wall) / 1_000 - (this.#monotonicMs - monotonicMs)
    if (Math.abs(jumpMs) > JUMP_MS) this.jumps++
    if (jumpMs < -REPEAT_AFTER_MS) {
      for (const { job } of this.#heap.drain()) this.#heap.push({ job, due: nextSlot(job, now) })
    }
    for (let entry = this.#heap.peek(); entry !== undefined && entry.due <= now; entry = this.#heap.peek()) {
      this.#heap.pop()
      const interval = entry.job.intervalMs * 1_000
      const gone = Math.floor((now - entry.due) / interval)
      const slot = entry.due + gone * interval
      if (gone > 0) this.#listener.onMissed(entry.job, gone, slot - interval)
      this.#listener.onDue(entry.job, slot)
      this.#heap.push({ job: entry.job, due: slot + interval })
    }
    this.#listener.onWake(now)
    if (this.#running) this.#sleep(now)
  }

  #sleep(now: Micros): void {
    const next = this.#heap.peek()
    const delayMs = next === undefined ? LONGEST_SLEEP_MS : Math.ceil((next.due - now) / 1_000)
    this.#cancel = this.#clock.after(Math.min(Math.max(delayMs, 1), LONGEST_SLEEP_MS), () => this.#wake())
  }

  #look(): Micros {
    this.#wall = this.#clock.now()
    this.#monotonicMs = this.#clock.monotonicMs()
    return this.#wall
  }
}
