import assert from 'node:assert/strict'
import { test } from 'node:test'
import { IntervalWheel } from '../../lib/push/interval-wheel.ts'
import { seededRandom } from './make-quotes.ts'

test('every item is taken once, never before its time, and at the first look after it', () => {
  const random = seededRandom(3)
  const wheel = new IntervalWheel<number>(1000)
  const dueMs: number[] = []
  const taken: (number | undefined)[] = []
  let nowMs = 12_345.6
  for (let step = 0; step < 5000; step++) {
    if (random() < 0.5) {
      const wantedMs = nowMs + random() * 1000
      const realMs = wheel.add(dueMs.length, wantedMs, nowMs)
      assert.ok(realMs >= wantedMs && realMs < wantedMs + 5.001)
      dueMs.push(realMs)
    }
    nowMs += random() * 20
    const next = wheel.nextDueMs()
    const items = wheel.take(nowMs)
    assert.equal(items.length > 0, next !== undefined && next <= nowMs)
    for (const item of items) {
      assert.equal(taken[item], undefined)
      assert.ok(dueMs[item]! <= nowMs)
      taken[item] = nowMs
    }
    for (const [item, due] of dueMs.entries()) if (due <= nowMs) assert.notEqual(taken[item], undefined)
  }
  wheel.take(nowMs + 2000)
  assert.equal(wheel.size, 0)
  assert.equal(wheel.nextDueMs(), undefined)
})
