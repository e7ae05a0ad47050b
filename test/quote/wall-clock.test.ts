import assert from 'node:assert/strict'
import { test } from 'node:test'
import { wallClock } from '../../lib/quote/wall-clock.ts'

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
