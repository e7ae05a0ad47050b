import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planShards } from '../../lib/feed/shards.ts'

const keys = (n: number) => Array.from({ length: n }, (_, index) => `v:spot:K${index}`)
const streams = (shards: ReturnType<typeof planShards>) =>
  shards.flatMap(({ channels, keys }) => keys.flatMap(key => channels.map(channel => `${key} ${channel}`)))

test('every stream is in exactly one shard, and no shard is larger than allowed', () => {
  const subscriptions = [
    { channels: ['a', 'b'], keys: keys(1_000) },
    { channels: ['b', 'c'], keys: keys(10) }
  ]
  const shards = planShards(subscriptions, 64)
  const all = streams(shards)
  assert.equal(all.length, 990 * 2 + 10 * 3)
  assert.equal(new Set(all).size, all.length)
  assert.ok(shards.every(({ channels, keys }) => channels.length * keys.length <= 64))
})

test('what fits into one connection uses one', () => {
  assert.equal(planShards([{ channels: ['a', 'b'], keys: keys(32) }], 64).length, 1)
})

test('more channels than a connection takes are spread too', () => {
  const shards = planShards([{ channels: ['a', 'b', 'c'], keys: keys(2) }], 2)
  assert.equal(new Set(streams(shards)).size, 6)
  assert.ok(shards.every(({ channels, keys }) => channels.length * keys.length <= 2))
})

test('nothing asked for is no shard', () => {
  assert.deepEqual(planShards([], 10), [])
  assert.deepEqual(planShards([{ channels: [], keys: keys(3) }], 10), [])
  assert.deepEqual(planShards([{ channels: ['a'], keys: [] }], 10), [])
})
