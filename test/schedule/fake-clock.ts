import type { Clock } from '../../lib/schedule/clock.ts'

/** A clock that stands still until told otherwise. */
export class FakeClock implements Clock {
  #wallMs: number
  #monotonicMs = 0
  readonly #timers = new Set<{ atMs: number; work: () => void }>()
  /** How many milliseconds too early timers fire, as Node's sometimes do. */
  earlyMs = 0

  constructor(wallMs = 1_700_000_000_000) {
    this.#wallMs = wallMs
  }

  now(): number {
    return Math.round(this.#wallMs * 1_000)
  }

  monotonicMs(): number {
    return this.#monotonicMs
  }

  after(delayMs: number, work: () => void): () => void {
    const timer = { atMs: this.#monotonicMs + Math.max(delayMs - this.earlyMs, 0.1), work }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  /** Timers that wait. */
  get waiting(): number {
    return this.#timers.size
  }

  /** Time goes by, timers fire when they should. */
  advance(ms: number): void {
    const end = this.#monotonicMs + ms
    while (true) {
      const next = [...this.#timers].sort((a, b) => a.atMs - b.atMs)[0]
      if (next === undefined || next.atMs > end) break
      this.#timers.delete(next)
      this.#pass(Math.max(0, next.atMs - this.#monotonicMs))
      next.work()
    }
    this.#pass(end - this.#monotonicMs)
  }

  /** Time goes by while nothing runs: timers that were due fire afterwards. */
  stall(ms: number): void {
    this.#pass(ms)
    this.advance(0)
  }

  /** The wall clock is set. */
  jump(ms: number): void {
    this.#wallMs += ms
  }

  #pass(ms: number): void {
    this.#wallMs += ms
    this.#monotonicMs += ms
  }
}
