import assert from 'node:assert/strict'
import { test } from 'node:test'
import { oneLine } from '../../lib/repl/one-line.ts'
import { payloadSummary, payloadText } from '../../lib/repl/payload-text.ts'
import { sizeText } from '../../lib/repl/size-text.ts'
import { parseTime, timeText } from '../../lib/repl/time-text.ts'

const NOW_MS = Date.parse('2026-11-23T04:05:06.789Z')

test('a time is ISO text, in UTC where it names no zone, or so long ago', () => {
  const shown = (text: string) => {
    const time = parseTime(text, NOW_MS)
    return time === undefined ? undefined : timeText(time)
  }
  assert.equal(shown('2026-11-23T04:05:06Z'), '2026-11-23T04:05:06.000Z')
  assert.equal(shown('2026-11-23T04:05:06.5'), '2026-11-23T04:05:06.500Z')
  assert.equal(shown('2026-11-23T04:05'), '2026-11-23T04:05:00.000Z')
  assert.equal(shown('2026-11-23T06:05+02:00'), '2026-11-23T04:05:00.000Z')
  assert.equal(shown('2026-11-23'), '2026-11-23T00:00:00.000Z')
  assert.equal(shown('30s'), '2026-11-23T04:04:36.789Z')
  assert.equal(shown('10m'), '2026-11-23T03:55:06.789Z')
  assert.equal(shown('2h'), '2026-11-23T02:05:06.789Z')
  assert.equal(shown('1d'), '2026-11-22T04:05:06.789Z')
  assert.equal(shown('999999d'), '1970-01-01T00:00:00.000Z')
  for (const text of [
    '',
    '10',
    '10 m',
    'm',
    '10M',
    '-10m',
    '1.5h',
    'yesterday',
    '2026-13-01',
    '2026-11-23T25:00',
    '5'
  ]) {
    assert.equal(shown(text), undefined, text)
  }
})

test('a time is shown in UTC, cut to milliseconds, so that it begins where the event is', () => {
  const time = (NOW_MS + 1) * 1_000 - 1
  assert.equal(timeText(time), '2026-11-23T04:05:06.789Z')
  assert.ok((parseTime(timeText(time), 0) ?? Number.NaN) <= time)
})

test('a size has three digits and a unit', () => {
  const sizes = [0, 1, 1_023, 1_024, 1_536, 10_239, 102_400, 1_048_575, 64 * 1024 ** 2, 1_288_490_189, 4 * 1024 ** 3]
  assert.deepEqual(sizes.map(sizeText), [
    '0 B',
    '1 B',
    '1023 B',
    '1 KiB',
    '1.50 KiB',
    '10.0 KiB',
    '100 KiB',
    '1.00 MiB',
    '64 MiB',
    '1.20 GiB',
    '4 GiB'
  ])
})

test('a text from elsewhere is one line that moves no cursor', () => {
  assert.equal(oneLine('first\r\nsecond\u001b[31m \u009b2J\u2028end\n'), 'first second [31m  2J end')
  assert.equal(oneLine('12345', 4), '123…')
  assert.equal(oneLine('1234', 4), '1234')
})

test('a payload is summed up in a line, and shown with all that is in it', () => {
  const payload = { source: 'demo', quotes: Array.from({ length: 12 }, (_, n) => ({ key: `demo:spot:${n}` })) }
  assert.equal(payloadSummary(payload), "{ source: 'demo', quotes: [ [Object], ... 11 more items ] }")
  assert.ok(payloadSummary({ text: 'x'.repeat(1_000), more: 'y'.repeat(1_000), third: 'z'.repeat(50) }).length <= 150)
  assert.equal(payloadSummary('not\nan event'), 'not an event')
  assert.match(payloadText(payload), /demo:spot:11/)
  assert.match(payloadText(Array.from({ length: 1_000 })), /900 more items/)
})
