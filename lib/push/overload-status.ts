import type { SourceStatus } from '../quote/events.ts'
import type { Clock } from './clock.ts'
import type { OverloadStep } from './overload-ladder.ts'

/** Makes of the steps of the overload ladder what clients are told: once when prices become slower, and once when that is over. */
export class OverloadStatus {
  readonly #clock: Pick<Clock, 'nowMicros'>
  #isOver = true

  constructor(clock: Pick<Clock, 'nowMicros'>) {
    this.#clock = clock
  }

  /** Undefined where there is no news. */
  statusOf(node: string, step: OverloadStep): SourceStatus | undefined {
    const isOver = step === 'none'
    if (isOver === this.#isOver) return undefined
    this.#isOver = isOver
    const since = this.#clock.nowMicros()
    const reason = isOver ? null : 'the gateway is overloaded: intervals are longer'
    return { scope: 'source', id: `gateway/${node}`, state: isOver ? 'ok' : 'stale', since, reason }
  }
}
