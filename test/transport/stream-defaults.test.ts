import assert from 'node:assert/strict'
import { test } from 'node:test'
import { STREAM_DEFAULTS, streamSpec } from '../../lib/transport/stream-defaults.ts'
import { tableProblems } from '../../lib/transport/stream-spec.ts'

const given = { name: 'orders', events: ['order.placed'], groups: ['billing'] }

test('a stream of name, events and groups is whole by the defaults, and what is given stays', () => {
  assert.deepEqual(streamSpec(given), { ...STREAM_DEFAULTS, ...given })
  assert.deepEqual(streamSpec({ ...given, retention: 'workqueue', maxDeliver: 3 }), {
    ...STREAM_DEFAULTS,
    ...given,
    retention: 'workqueue',
    maxDeliver: 3
  })
})

test('a stream that keeps its events for less than the default window remembers message ids as long as those', () => {
  const spec = streamSpec({ ...given, maxAgeMs: 5_000 })
  assert.equal(spec.duplicateWindowMs, 5_000)
  assert.deepEqual(tableProblems([spec]), [])
})
