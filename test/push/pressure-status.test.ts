import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PressureStatus } from '../../lib/push/pressure-status.ts'

test('clients are told of pressure once for each change, and that it is over', () => {
  const pressure = new PressureStatus({ nowMicros: () => 7 })
  const told = (level: 'none' | 'warn' | 'high', lag: number) =>
    pressure.statusOf({ stream: 'quotes', group: 'storage', lag, level })
  assert.equal(told('none', 0), undefined)
  assert.deepEqual(told('warn', 2_000), {
    scope: 'source',
    id: 'buffer/quotes/storage',
    state: 'stale',
    since: 7,
    reason: 'warn: 2000 batches behind'
  })
  assert.equal(told('warn', 2_500), undefined)
  assert.equal(told('high', 30_000)?.reason, 'high: 30000 batches behind')
  assert.deepEqual(told('none', 0), {
    scope: 'source',
    id: 'buffer/quotes/storage',
    state: 'ok',
    since: 7,
    reason: null
  })
})
