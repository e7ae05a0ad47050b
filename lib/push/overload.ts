import type { Clock } from './clock.ts'
import type { FixedLimits } from './live-limits.ts'
import type { LoopDelay } from './loop-delay.ts'
import { OverloadLadder, type OverloadStep } from './overload-ladder.ts'
import type { PushCounters } from './push-counters.ts'
import type { Session } from './session.ts'
import type { Stretch } from './stretch.ts'

/** A step of the ladder that was taken, and what was measured. */
export interface OverloadChange {
  readonly way: 'up' | 'down'
  /** Where the gateway stands now. */
  readonly step: OverloadStep
  readonly delayMs: number
}

export interface OverloadDeps {
  readonly loopDelay: LoopDelay
  readonly stretch: Stretch
  readonly sessions: Iterable<Session>
  readonly clock: Pick<Clock, 'after'>
  readonly limits: FixedLimits
  readonly counters: PushCounters
  onChange(change: OverloadChange): void
}

/** Measures whether the gateway still follows its own clock, and does less, step by step, while it does not. */
export class Overload {
  readonly #deps: OverloadDeps
  readonly #ladder: OverloadLadder
  #delayMs = 0
  #cancel: () => void = () => {}

  constructor(deps: OverloadDeps) {
    this.#deps = deps
    this.#ladder = new OverloadLadder(deps.limits)
  }

  get step(): OverloadStep {
    return this.#ladder.step
  }

  /** The last reading of the event loop's delay. */
  get delayMs(): number {
    return Math.round(this.#delayMs)
  }

  /** Whether no new clients are taken. */
  get isRefusing(): boolean {
    return this.#ladder.has('refuse')
  }

  /** Measures until `close`. */
  start(): void {
    this.#deps.loopDelay.start()
    this.#wait()
  }

  /** With nobody left to serve there is nothing to do less of. Idempotent. */
  close(): void {
    this.#cancel()
    this.#deps.loopDelay.stop()
    const { step } = this
    this.#ladder.reset()
    this.#apply()
    if (step !== 'none') this.#deps.onChange({ way: 'down', step: 'none', delayMs: this.delayMs })
  }

  #wait(): void {
    this.#cancel = this.#deps.clock.after(this.#deps.limits.overloadReadingMs, () => {
      this.#look()
      this.#wait()
    })
  }

  #look(): void {
    const { loopDelay, limits, counters, onChange } = this.#deps
    this.#delayMs = loopDelay.readMs()
    const way = this.#ladder.take(this.#delayMs)
    if (way !== null) {
      counters[way === 'up' ? 'overloadStepsUp' : 'overloadStepsDown']++
      this.#apply()
      onChange({ way, step: this.step, delayMs: this.delayMs })
    }
    if (this.#ladder.has('shed') && this.#delayMs >= limits.overloadDelayMs) this.#shed()
  }

  #apply(): void {
    this.#deps.stretch.factor = this.#ladder.has('stretchMore') ? 4 : this.#ladder.has('stretch') ? 2 : 1
  }

  /** Closes the slowest clients, a few at each reading that is still too high. */
  #shed(): void {
    const { sessions, limits, counters } = this.#deps
    const slowest = [...sessions].filter(({ isOpen }) => isOpen).sort(bySlowness)
    for (const session of slowest.slice(0, limits.shedClients)) {
      counters.closedOverloaded++
      session.close('overloaded')
    }
  }
}

/** Who is furthest behind comes first, then who has most unsent. */
function bySlowness(a: Session, b: Session): number {
  return (b.lagMs ?? 0) - (a.lagMs ?? 0) || b.unsentBytes - a.unsentBytes
}
