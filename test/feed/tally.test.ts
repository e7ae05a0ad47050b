import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Tally } from '../../lib/feed/tally.ts'

test('names are counted, and beyond the bound together', () => {
  const tally = new Tally()
  for (let n = 0; n < 1_000; n++) tally.add(`name ${n}`)
  tally.add('name 0', 2)
  const counts = tally.read()
  assert.equal(counts['name 0'], 3)
  assert.equal(counts.other, 1_000 - 64)
  assert.equal(Object.keys(counts).length, 65)
})
