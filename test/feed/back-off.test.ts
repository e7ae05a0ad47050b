import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BackOff } from '../../lib/feed/back-off.ts'

const next = (backOff: BackOff, n: number) => Array.from({ length: n }, () => backOff.next())

test('delays double up to the cap and begin again after a success', () => {
  const backOff = new BackOff(100, 1_000, () => 0)
  assert.deepEqual(next(backOff, 6), [100, 200, 400, 800, 1_000, 1_000])
  backOff.reset()
  assert.equal(backOff.next(), 100)
})

test('jitter takes away up to half, and the cap holds after any number of attempts', () => {
  const backOff = new BackOff(100, 1_000, () => 1)
  assert.deepEqual(next(backOff, 5), [50, 100, 200, 400, 500])
  assert.ok(next(backOff, 5_000).every(delay => delay === 500))
})
