import type { BufferPressure, PressureLevel, SourceStatus } from '../quote/events.ts'
import type { Clock } from './clock.ts'

/** Groups that are remembered. */
const MAX_GROUPS = 64

/** Makes of what the buffer tells, again and again, what clients are told: once for each change. */
export class PressureStatus {
  readonly #clock: Pick<Clock, 'nowMicros'>
  readonly #levels = new Map<string, PressureLevel>()

  constructor(clock: Pick<Clock, 'nowMicros'>) {
    this.#clock = clock
  }

  /** Undefined where nothing has changed. A group that is well from the beginning is no news. */
  statusOf({ stream, group, lag, level }: BufferPressure): SourceStatus | undefined {
    const id = `buffer/${stream}/${group}`
    const before = this.#levels.get(id) ?? 'none'
    if (level === before || (!this.#levels.has(id) && this.#levels.size >= MAX_GROUPS)) return undefined
    this.#levels.set(id, level)
    return {
      scope: 'source',
      id,
      state: level === 'none' ? 'ok' : 'stale',
      since: this.#clock.nowMicros(),
      reason: level === 'none' ? null : `${level}: ${lag} batches behind`
    }
  }
}
