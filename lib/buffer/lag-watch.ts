import { type BufferPressure, PRESSURE_REPEAT_MS, type PressureLevel } from '../quote/events.ts'
import type { StreamState } from '../transport/stream-control.ts'
import { type PressureLimits, pressureLevel } from './pressure.ts'

/** Remembers the level of every group and tells what is to be announced. Bounded by the groups of the streams. */
export class LagWatch {
  readonly #limits: PressureLimits
  readonly #nowMs: () => number
  readonly #told = new Map<string, { level: PressureLevel; atMs: number }>()

  constructor(limits: PressureLimits, nowMs: () => number = () => performance.now()) {
    this.#limits = limits
    this.#nowMs = nowMs
  }

  /**
   * @returns the groups whose level is another than at the last look, and those whose level is to be told again; at the first
   * look all, as whoever watched before may have left a level behind.
   */
  look(streams: readonly StreamState[]): BufferPressure[] {
    const announced: BufferPressure[] = []
    const now = this.#nowMs()
    for (const { name: stream, bytes, maxBytes, groups } of streams) {
      for (const { group, pending } of groups) {
        const id = `${stream} ${group}`
        const told = this.#told.get(id)
        // What everybody has acknowledged fills a stream only until its age or a purge takes it.
        const fill = pending === 0 ? 0 : bytes / maxBytes
        const level = pressureLevel(told?.level ?? 'none', pending, fill, this.#limits)
        const again = level !== 'none' && told !== undefined && now - told.atMs >= PRESSURE_REPEAT_MS
        if (level === told?.level && !again) continue
        this.#told.set(id, { level, atMs: now })
        announced.push({ stream, group, lag: pending, level })
      }
    }
    return announced
  }
}
