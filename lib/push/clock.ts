import type { Micros } from '../quote/quote.ts'
import { wallClock } from '../quote/wall-clock.ts'

/** Time as the push layer needs it; tests bring their own. */
export interface Clock {
  /** Monotonic milliseconds. */
  nowMs(): number
  nowMicros(): Micros
  /** Runs `work` once after `delayMs`. @returns cancels it. */
  after(delayMs: number, work: () => void): () => void
  /** Runs `work` at the end of this event-loop turn. */
  defer(work: () => void): void
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  nowMicros: wallClock(),
  after(delayMs, work) {
    const timer = setTimeout(work, delayMs)
    return () => clearTimeout(timer)
  },
  defer(work) {
    setImmediate(work)
  }
}
