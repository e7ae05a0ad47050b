import assert from 'node:assert/strict'
import { test } from 'node:test'
import { wallClock } from '../../lib/quote/wall-clock.ts'

const START_MS = 1_800_000_000_000

/** A system whose time passes only where it is told, and that may be held up between two readings of its clocks. */
class ManualSystem {
  /** The true time, in milliseconds. */
  trueMs = START_MS + 0.25
  /** How much the system's clock was set. */
  setMs = 0
  /** What passes before each of the next readings of the coarse clock. */
  readonly held: number[] = []

  readonly coarseMs = (): number => {
    this.trueMs += this.held.shift() ?? 0
    return Math.floor(this.trueMs + this.setMs)
  }

  readonly fineMs = (): number => this.trueMs
}

test('a clock that is held up between two readings keeps its place', () => {
  const system = new ManualSystem()
  const now = wallClock(system)
  for (const held of [[3.4], [700], [3, 3, 3], [3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3], []]) {
    system.held.push(...held)
    const micros = now()
    assert.ok(Math.abs(micros - system.trueMs * 1000) <= 1, `${micros} at ${system.trueMs}, held for ${held}`)
    system.held.length = 0
    system.trueMs += 10.3
  }
})

test('a clock that is set is followed to within half a millisecond, also when it is held up then', () => {
  for (const fraction of [0, 0.001, 0.5, 0.999]) {
    for (const held of [[], [5, 5]]) {
      const system = new ManualSystem()
      const now = wallClock(system)
      for (const setMs of [3_600_000.125, -86_400_000.5, 12.75]) {
        system.trueMs = Math.floor(system.trueMs) + 5 + fraction
        system.setMs += setMs
        system.held.push(...held)
        for (const passed of [0, 0.3, 400]) {
          system.trueMs += passed
          const errorMicros = now() - (system.trueMs + system.setMs) * 1000
          assert.ok(Math.abs(errorMicros) <= 501, `${errorMicros} µs off, set by ${setMs} at ${fraction}`)
        }
      }
    }
  }
})

test('the clock follows the system’s when that is set, in integer microseconds', t => {
  const real = Date.now
  t.after(() => {
    Date.now = real
  })
  const now = wallClock()
  for (const shiftMs of [0, 86_400_000, -3_600_000]) {
    Date.now = () => real() + shiftMs
    const before = Date.now()
    const micros = now()
    const after = Date.now()
    assert.ok(Number.isInteger(micros))
    assert.ok(micros >= (before - 3) * 1000 && micros <= (after + 3) * 1000, `${micros} at ${before} ms`)
  }
})
