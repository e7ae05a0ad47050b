import assert from 'node:assert/strict'
import { test } from 'node:test'
import { QuietLog } from '../../lib/feed/quiet-log.ts'

test('an event is warned of once a second, with the number left out, apart from other events', () => {
  const lines: [string, object][] = []
  let now = 5_000
  const log = new QuietLog({ info() {}, warn: (fields, event) => lines.push([event, fields]) }, () => now)
  for (const n of [1, 2, 3]) log.warn({ n }, 'a')
  log.warn({ n: 4 }, 'b')
  now += 1_000
  log.warn({ n: 5 }, 'a')
  now += 1_000
  log.warn({ n: 6 }, 'a')
  assert.deepEqual(lines, [
    ['a', { n: 1 }],
    ['b', { n: 4 }],
    ['a', { n: 5, leftOut: 2 }],
    ['a', { n: 6 }]
  ])
})
