import type { Clock } from './clock.ts'
import type { Group } from './group.ts'
import { IntervalWheel } from './interval-wheel.ts'
import type { Stretch } from './stretch.ts'

/** An event-loop turn that lasts longer flushes in its middle. */
const TURN_MS = 5

/**
 * Decides when groups have their ticks, with one timer for all. A group with an interval ticks at its own phase of it, so that
 * groups spread over the interval; one without ticks once per event-loop turn. Groups with nothing to send cost nothing.
 */
export class Flusher {
  readonly #clock: Clock
  readonly #horizonMs: number
  readonly #stretch: Stretch
  #wheel: IntervalWheel<Group>
  #turn: Group[] = []
  #turnBeganMs = 0
  #isDeferred = false
  #isPaused = false
  #timer: { dueMs: number; cancel: () => void } | null = null

  constructor(clock: Clock, maxIntervalMs: number, stretch: Stretch) {
    this.#clock = clock
    this.#stretch = stretch
    this.#horizonMs = maxIntervalMs
    this.#wheel = new IntervalWheel(maxIntervalMs)
  }

  schedule(group: Group): void {
    const intervalMs = this.#stretch.of(group.signature.intervalMs)
    const nowMs = this.#clock.nowMs()
    if (intervalMs > 0) {
      const phase = phaseOf(group.sid, intervalMs)
      const next = Math.floor((nowMs - phase) / intervalMs + 1) * intervalMs + phase
      this.#arm(this.#wheel.add(group, next, nowMs))
      return
    }
    if (this.#turn.length === 0) this.#turnBeganMs = nowMs
    this.#turn.push(group)
    if (this.#isDeferred) return
    this.#isDeferred = true
    this.#clock.defer(() => {
      this.#isDeferred = false
      this.#flushTurn()
    })
  }

  /** To be called inside long loops: flushes what waits for the end of a turn that has lasted too long. */
  flushIfLate(): void {
    if (this.#turn.length > 0 && this.#clock.nowMs() - this.#turnBeganMs >= TURN_MS) this.#flushTurn()
  }

  /** Sends nothing until `restart`. */
  pause(): void {
    this.#isPaused = true
  }

  /** Forgets everything that was scheduled. */
  restart(): void {
    this.#isPaused = false
    this.#turn = []
    this.#wheel = new IntervalWheel(this.#horizonMs)
    this.close()
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = null
  }

  #flushTurn(): void {
    const groups = this.#turn
    this.#turn = []
    if (this.#isPaused) return
    for (const group of groups) group.flush()
  }

  #arm(dueMs: number | undefined): void {
    if (dueMs === undefined || (this.#timer !== null && this.#timer.dueMs <= dueMs)) return
    this.#timer?.cancel()
    const cancel = this.#clock.after(Math.max(0, dueMs - this.#clock.nowMs()), () => {
      this.#timer = null
      const groups = this.#wheel.take(this.#clock.nowMs())
      if (!this.#isPaused) for (const group of groups) group.flush()
      this.#arm(this.#wheel.nextDueMs())
    })
    this.#timer = { dueMs, cancel }
  }
}

/** A fixed share of the interval that differs from group to group. */
function phaseOf(sid: string, intervalMs: number): number {
  let hash = 0
  for (let i = 0; i < sid.length; i++) hash = (Math.imul(hash, 31) + sid.charCodeAt(i)) >>> 0
  return hash % intervalMs
}
