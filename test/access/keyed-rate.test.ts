import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KeyedRate } from '../../lib/access/keyed-rate.ts'

test('a burst passes, then what comes due, and what was refused costs nothing', () => {
  const rate = new KeyedRate(2, 3)
  assert.deepEqual([rate.take('a', 0), rate.take('a', 0), rate.take('a', 0)], [0, 0, 0])
  assert.deepEqual([rate.take('a', 0), rate.take('a', 100), rate.take('a', 500)], [500, 400, 0])
  assert.deepEqual([rate.take('a', 500), rate.take('b', 500)], [500, 0])
})

test('whoever was held to a slower rate waits no longer than the new one says, once it is faster', () => {
  const rate = new KeyedRate(1, 1)
  const slow = { perSecond: 1, burst: 200 }
  for (let i = 0; i < 200; i++) assert.equal(rate.take('a', 0, slow), 0)
  assert.equal(rate.take('a', 0, slow), 1_000)
  assert.equal(rate.take('a', 0, { perSecond: 50, burst: 200 }), 20)
})

test('beyond its bound whoever has not tried for longest is forgotten', () => {
  const rate = new KeyedRate(1, 1, 2)
  for (const name of ['a', 'b', 'a', 'c']) rate.take(name, 0)
  assert.equal(rate.size, 2)
  assert.deepEqual([rate.take('a', 0), rate.take('b', 0)], [1_000, 0])
})
