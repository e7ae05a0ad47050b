import assert from 'node:assert/strict'
import { test } from 'node:test'
import { storedTime } from '../../lib/transport/stored-time.ts'

test('the time of a message is read to the microsecond, whatever zeros the server leaves out', () => {
  const second = Date.parse('2026-11-24T22:42:15Z') * 1_000
  const table = [
    ['2026-11-24T22:42:15.123456789Z', 123_456],
    ['2026-11-24T22:42:15.1Z', 100_000],
    ['2026-11-24T22:42:15.000001Z', 1],
    ['2026-11-24T22:42:15Z', 0],
    ['2026-11-24T23:42:15.999999999+01:00', 999_999]
  ] as const
  for (const [timestamp, micros] of table) assert.equal(storedTime({ timestamp }), second + micros, timestamp)
})
