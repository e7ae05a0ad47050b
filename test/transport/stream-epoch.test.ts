import assert from 'node:assert/strict'
import { test } from 'node:test'
import { streamEpoch } from '../../lib/transport/stream-epoch.ts'

test('streams made a nanosecond apart have different epochs, in the order of their making', () => {
  const epochs = ['2026-01-02T03:04:05Z', '2026-01-02T03:04:05.000000001Z', '2026-01-02T03:04:05.1Z'].map(streamEpoch)
  assert.equal(new Set(epochs).size, 3)
  assert.deepEqual([...epochs].sort(), epochs)
  assert.equal(Number.parseInt(epochs[0]!, 36), Date.parse('2026-01-02T03:04:05Z') * 1e6)
})
