import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { Flusher, type Ticking } from '../../lib/push/flusher.ts'
import { Stretch } from '../../lib/push/stretch.ts'
import { ManualClock } from './manual-clock.ts'

/** A flusher on a clock that stands still, and groups whose flush takes some of its time. */
function open() {
  const clock = new ManualClock(0)
  const flusher = new Flusher(clock, 1_000, new Stretch(1_000))
  const flushedMs: number[] = []
  const group = (intervalMs: number, takesMs: number, after: (one: Ticking) => void = () => {}): Ticking => ({
    sid: 'abc',
    signature: { intervalMs },
    flush() {
      flushedMs.push(clock.nowMs())
      clock.advance(takesMs)
      after(this)
    }
  })
  return { clock, flusher, flushedMs, group }
}

test('a group without an interval is flushed at the end of every turn while that costs next to nothing', async () => {
  const { flusher, flushedMs, group } = open()
  const one = group(0, 0)
  for (let turns = 0; turns < 3; turns++) {
    flusher.schedule(one)
    await turn()
  }
  assert.deepEqual(flushedMs, [0, 0, 0])
})

test('a flush that took long is followed by a pause of four times that, but no more than 5 ms from its beginning', async () => {
  for (const [takesMs, pauseMs] of [
    [0.2, 0],
    [0.75, 3],
    [2, 5],
    [8, 0]
  ] as const) {
    const { clock, flusher, flushedMs, group } = open()
    const one = group(0, takesMs)
    flusher.schedule(one)
    await turn()
    assert.deepEqual(flushedMs, [0])
    flusher.schedule(one)
    await turn()
    if (pauseMs > 0) {
      assert.deepEqual(flushedMs, [0], `${takesMs} ms`)
      clock.advance(pauseMs - takesMs)
    }
    assert.equal(flushedMs.length, 2, `${takesMs} ms`)
    assert.ok(flushedMs[1]! <= Math.max(pauseMs, takesMs))
    // What the second took counts anew.
    clock.advance(10)
    flusher.schedule(one)
    await turn()
    assert.equal(flushedMs.length, 3)
  }
})

test('a turn that is already 5 ms long flushes in its middle', () => {
  const { clock, flusher, flushedMs, group } = open()
  flusher.schedule(group(0, 0))
  clock.advance(4)
  flusher.flushIfLate()
  assert.deepEqual(flushedMs, [])
  clock.advance(1)
  flusher.flushIfLate()
  assert.deepEqual(flushedMs, [5])
})

test('a group that asks for its next tick while it is flushed has one every interval', () => {
  const { clock, flusher, flushedMs, group } = open()
  flusher.schedule(group(100, 0, one => flusher.schedule(one)))
  clock.advance(1_000)
  assert.equal(flushedMs.length, 10)
  for (const [at, ms] of flushedMs.entries()) if (at > 0) assert.equal(ms - flushedMs[at - 1]!, 100)
  flusher.restart()
  clock.advance(1_000)
  assert.equal(flushedMs.length, 10)
})
