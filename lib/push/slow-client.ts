import type { FixedLimits } from './live-limits.ts'

/** What is known of a client in one subscription. Ticks are counted from its beginning. */
export interface Progress {
  readonly nowMs: number
  /** Ticks that the subscription had. */
  readonly ticks: number
  /** Those that the client was left out of. */
  readonly skipped: number
  readonly isLagging: boolean
}

export type SlowClientLimits = Pick<FixedLimits, 'slowWindowMs' | 'slowTicks' | 'recoverMs'>

/**
 * Judges whether a client keeps up with a subscription. It does not when it was left out of half of the ticks of a window, or was behind
 * for half of it; it does again when nothing of the kind was seen for a while, in which there were ticks to see.
 */
export class SlowClient {
  readonly #limits: SlowClientLimits
  #window: Progress
  #looks = 0
  #lagging = 0
  /** When it was last seen to be slow, or began. */
  #last: Progress

  constructor(limits: SlowClientLimits, beginning: Progress) {
    this.#limits = limits
    this.#window = beginning
    this.#last = beginning
  }

  /** Judges anew from here: the pace is another one. */
  begin(beginning: Progress): void {
    this.#beginWindow(beginning)
    this.#last = beginning
  }

  /** To be called several times per second. */
  look(progress: Progress): 'slow' | 'well' | null {
    const { slowWindowMs, slowTicks, recoverMs } = this.#limits
    const { nowMs, ticks, skipped, isLagging } = progress
    this.#looks++
    if (isLagging) this.#lagging++
    if (isLagging || skipped > this.#last.skipped) this.#last = progress
    const ticked = ticks - this.#window.ticks
    if (nowMs - this.#window.nowMs >= slowWindowMs && (ticked >= slowTicks || this.#lagging > 0)) {
      const isSlow =
        2 * this.#lagging >= this.#looks || (ticked >= slowTicks && 2 * (skipped - this.#window.skipped) >= ticked)
      this.#beginWindow(progress)
      if (isSlow) return 'slow'
    }
    return nowMs - this.#last.nowMs >= recoverMs && ticks - this.#last.ticks >= slowTicks ? 'well' : null
  }

  #beginWindow(progress: Progress): void {
    this.#window = progress
    this.#looks = 0
    this.#lagging = 0
  }
}
