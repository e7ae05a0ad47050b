import type { Micros } from '../quote/quote.ts'
import { wallClock } from '../quote/wall-clock.ts'

/** Time as the scheduler needs it; tests bring their own. */
export interface Clock {
  /** The wall clock, which may jump. */
  now(): Micros
  /** Milliseconds that never jump. */
  monotonicMs(): number
  /** Runs `work` once after `delayMs`. @returns cancels it. */
  after(delayMs: number, work: () => void): () => void
}

export const systemClock: Clock = {
  now: wallClock(),
  monotonicMs: () => performance.now(),
  after(delayMs, work) {
    const timer = setTimeout(work, delayMs)
    return () => clearTimeout(timer)
  }
}
