import type { Clock } from './clock.ts'
import { IntervalWheel } from './interval-wheel.ts'
import type { Stretch } from './stretch.ts'

/** What has ticks: a group, as far as it matters when. */
export interface Ticking {
  readonly sid: string
  readonly signature: { readonly intervalMs: number }
  flush(): void
}

/** What waits for the end of a turn waits no longer: a turn that lasts longer flushes in its middle. */
const TURN_MS = 5
/**
 * Flushing at the end of turns takes at most one part of so many of the time, unless clients would wait longer than `TURN_MS`. With more
 * parts fifty clients of some thousand quotes a second wait for milliseconds, to save little: a turn's writes are cheap there.
 */
const PARTS = 4

/**
 * Decides when groups have their ticks. A group with an interval ticks at its own phase of it, so that groups spread over the interval,
 * with one timer for all.
 *
 * One without ticks at the end of the event-loop turn: a quiet gateway sends at once. Where batches come quickly and clients are many
 * that would be a write per batch and client, which is what costs most. So a flush is followed by a pause in proportion to what it
 * took, in which what comes is gathered into one write: none where clients are few, at most `TURN_MS` where they are many.
 */
export class Flusher {
  readonly #clock: Clock
  readonly #horizonMs: number
  readonly #stretch: Stretch
  #wheel: IntervalWheel<Ticking>
  #turn: Ticking[] = []
  #turnBeganMs = 0
  /** Turns are not flushed before. */
  #pausedUntilMs = 0
  #isTurnAwaited = false
  #isPaused = false
  #timer: { dueMs: number; cancel: () => void } | null = null

  constructor(clock: Clock, maxIntervalMs: number, stretch: Stretch) {
    this.#clock = clock
    this.#stretch = stretch
    this.#horizonMs = maxIntervalMs
    this.#wheel = new IntervalWheel(maxIntervalMs)
  }

  schedule(group: Ticking): void {
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
    if (!this.#isTurnAwaited) this.#awaitTurn(this.#pausedUntilMs - nowMs)
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

  #awaitTurn(pauseMs: number): void {
    this.#isTurnAwaited = true
    const flush = () => {
      this.#isTurnAwaited = false
      this.#flushTurn()
    }
    // Timers know whole milliseconds: less is no pause.
    if (pauseMs >= 1) this.#clock.after(Math.floor(pauseMs), flush)
    else this.#clock.defer(flush)
  }

  #flushTurn(): void {
    const groups = this.#turn
    this.#turn = []
    if (this.#isPaused) return
    const beganMs = this.#clock.nowMs()
    for (const group of groups) group.flush()
    this.#pausedUntilMs = beganMs + Math.min(TURN_MS, PARTS * (this.#clock.nowMs() - beganMs))
  }

  #arm(dueMs: number | undefined): void {
    if (dueMs === undefined || (this.#timer !== null && this.#timer.dueMs <= dueMs)) return
    this.#timer?.cancel()
    const cancel = this.#clock.after(Math.max(0, dueMs - this.#clock.nowMs()), () => {
      const groups = this.#wheel.take(this.#clock.nowMs())
      // The timer counts as set meanwhile: groups ask for their next ticks one by one.
      if (!this.#isPaused) for (const group of groups) group.flush()
      this.#timer = null
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
