import type { Micros } from '../quote/quote.ts'

/** Time as the scheduler needs it; tests bring their own. */
export interface Clock {
  /** The wall clock, which may jump. */
  now(): Micros
  /** Milliseconds that never jump. */
  monotonicMs(): number
  /** Runs `work` once after `delayMs`. @returns cancels it. */
  after(delayMs: number, work: () => void): () => void
}

/** How far the fine clock may stray from the system's before it is set again. */
const TOLERANCE: Micros = 2_000

let base = Date.now() * 1_000 - performance.now() * 1_000

/**
 * The wall clock in microseconds: the system's milliseconds, refined by the monotonic clock. It follows every
 * correction of the system's clock, so it may go back.
 */
export function wallClock(): Micros {
  const coarse = Date.now() * 1_000
  const fine = Math.floor(base + performance.now() * 1_000)
  if (fine >= coarse - TOLERANCE && fine < coarse + TOLERANCE) return fine
  base = coarse - performance.now() * 1_000
  return coarse
}

export const systemClock: Clock = {
  now: wallClock,
  monotonicMs: () => performance.now(),
  after(delayMs, work) {
    const timer = setTimeout(work, delayMs)
    return () => clearTimeout(timer)
  }
}
