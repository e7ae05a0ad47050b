import type { Clock } from '../../lib/push/clock.ts'

interface Timer {
  dueMs: number
  work: () => void
}

/** A clock that stands still until it is moved. */
export class ManualClock implements Clock {
  readonly #beganMicros: number
  readonly #timers = new Set<Timer>()
  #nowMs = 0

  constructor(beganMicros: number) {
    this.#beganMicros = beganMicros
  }

  nowMs = (): number => this.#nowMs
  nowMicros = (): number => this.#beganMicros + this.#nowMs * 1000

  /** The number of those that wait. */
  get timers(): number {
    return this.#timers.size
  }

  after(delayMs: number, work: () => void): () => void {
    const timer = { dueMs: this.#nowMs + delayMs, work }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  defer(work: () => void): void {
    setImmediate(work)
  }

  /** Lets time pass, and does what falls due on the way, in order. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms
    for (;;) {
      const [next] = [...this.#timers].sort((a, b) => a.dueMs - b.dueMs)
      if (next === undefined || next.dueMs > endMs) break
      this.#timers.delete(next)
      this.#nowMs = Math.max(this.#nowMs, next.dueMs)
      next.work()
    }
    this.#nowMs = endMs
  }
}
