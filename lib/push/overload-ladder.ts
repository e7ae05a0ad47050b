import type { FixedLimits } from './live-limits.ts'

/** What an overloaded gateway does at each step, besides what it does at those before. */
export const OVERLOAD_STEPS = ['none', 'stretch', 'stretchMore', 'refuse', 'shed'] as const
export type OverloadStep = (typeof OVERLOAD_STEPS)[number]

export type OverloadLimits = Pick<FixedLimits, 'overloadDelayMs' | 'overloadReadings' | 'calmDelayMs' | 'calmReadings'>

/**
 * Where a gateway stands between well and overloaded: a step up after so many readings in a row above the one bound, a step down after
 * so many below the other. Readings between the two change nothing.
 */
export class OverloadLadder {
  readonly #limits: OverloadLimits
  #level = 0
  #high = 0
  #low = 0

  constructor(limits: OverloadLimits) {
    this.#limits = limits
  }

  get step(): OverloadStep {
    return OVERLOAD_STEPS[this.#level] as OverloadStep
  }

  /** Whether what belongs to a step is done now. */
  has(step: OverloadStep): boolean {
    return OVERLOAD_STEPS.indexOf(step) <= this.#level
  }

  /** Takes a reading. @returns whether it led up or down, or neither */
  take(delayMs: number): 'up' | 'down' | null {
    const { overloadDelayMs, overloadReadings, calmDelayMs, calmReadings } = this.#limits
    this.#high = delayMs >= overloadDelayMs ? this.#high + 1 : 0
    this.#low = delayMs < calmDelayMs ? this.#low + 1 : 0
    if (this.#high >= overloadReadings && this.#level < OVERLOAD_STEPS.length - 1) return this.#go('up')
    if (this.#low >= calmReadings && this.#level > 0) return this.#go('down')
    return null
  }

  reset(): void {
    this.#level = 0
    this.#high = 0
    this.#low = 0
  }

  #go(way: 'up' | 'down'): 'up' | 'down' {
    this.#level += way === 'up' ? 1 : -1
    // The step is given time to take effect.
    this.#high = 0
    this.#low = 0
    return way
  }
}
