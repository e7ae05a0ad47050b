import type { Events, PressureLevel } from '../quote/events.ts'
import type { StreamState } from '../transport/stream-control.ts'
import { type PressureLimits, pressureLevel } from './pressure.ts'

type Pressure = Events['buffer.pressure']

/** Remembers the level of every group and tells which have changed. Bounded by the groups of the table. */
export class LagWatch {
  readonly #limits: PressureLimits
  readonly #levels = new Map<string, PressureLevel>()

  constructor(limits: PressureLimits) {
    this.#limits = limits
  }

  /** @returns the groups whose level is another than at the last look; at the first look all, as whoever watched before may have left a level behind. */
  look(streams: readonly StreamState[]): Pressure[] {
    const changed: Pressure[] = []
    for (const { bytes, maxBytes, groups } of streams) {
      for (const { group, pending } of groups) {
        const previous = this.#levels.get(group)
        // What everybody has acknowledged fills a stream only until its age or a purge takes it.
        const level = pressureLevel(previous ?? 'none', pending, pending === 0 ? 0 : bytes / maxBytes, this.#limits)
        this.#levels.set(group, level)
        if (level !== previous) changed.push({ group, lag: pending, level })
      }
    }
    return changed
  }
}
