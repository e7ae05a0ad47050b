import type { Micros } from './quote.ts'

/** A difference that is no rounding: the wall clock was set or slewed. */
const TOLERANCE_MS = 2

/**
 * A wall clock with microseconds: the monotonic clock's fine steps, set anew whenever the system's clock has moved away from them.
 * It follows every correction of the system's clock, so it may go back.
 */
export function wallClock(): () => Micros {
  let offsetMs = performance.timeOrigin
  return () => {
    const fineMs = performance.now() + offsetMs
    const coarseMs = Date.now()
    if (Math.abs(fineMs - coarseMs) <= TOLERANCE_MS) return Math.round(fineMs * 1000)
    offsetMs += coarseMs - fineMs
    return coarseMs * 1000
  }
}
