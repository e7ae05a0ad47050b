import type { Micros } from './quote.ts'

/** A difference that is no rounding: the wall clock was set or slewed. */
const TOLERANCE_MS = 2
/** What lies between two readings of the fine clock that count as one moment. */
const MOMENT_MS = 0.05
/** Readings in search of such a moment; without one the next call goes on. */
const ATTEMPTS = 8

/** The clocks of the system, both in milliseconds since the epoch. */
export interface SystemClocks {
  /** Whole milliseconds, cut; it follows the system's clock. */
  coarseMs(): number
  /** Steady and with fractions, as far from the other as the system's clock was set since the start. */
  fineMs(): number
}

const SYSTEM: SystemClocks = {
  coarseMs: () => Date.now(),
  fineMs: () => performance.timeOrigin + performance.now()
}

/**
 * A wall clock with microseconds: the fine clock's steps, set anew whenever the system's clock has moved away from them, then to
 * within half a millisecond. It follows every correction of the system's clock, so it may go back.
 */
export function wallClock({ coarseMs, fineMs }: SystemClocks = SYSTEM): () => Micros {
  let offsetMs = 0
  /** How far the system's clock is ahead, when it is read right behind the fine one: what it cut off is half a millisecond, on average. */
  const aheadMs = (fine: number) => coarseMs() + 0.5 - (fine + offsetMs)
  return () => {
    let fine = fineMs()
    let ahead = aheadMs(fine)
    // The process may have stood still between two readings, which looks as if the clock had been set.
    for (let attempt = 0; Math.abs(ahead) > TOLERANCE_MS && attempt < ATTEMPTS; attempt++) {
      const before = fineMs()
      ahead = aheadMs(before)
      fine = fineMs()
      if (fine - before > MOMENT_MS) continue
      if (Math.abs(ahead) > TOLERANCE_MS) offsetMs += ahead
      break
    }
    return Math.round((fine + offsetMs) * 1000)
  }
}
