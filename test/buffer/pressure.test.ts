import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LagWatch } from '../../lib/buffer/lag-watch.ts'
import { pressureLevel } from '../../lib/buffer/pressure.ts'
import { PRESSURE_REPEAT_MS } from '../../lib/quote/events.ts'
import { NOTHING_SURVIVES } from '../../lib/transport/ack-meaning.ts'
import type { StreamState } from '../../lib/transport/stream-control.ts'

const limits = { warnLag: 100, highLag: 1_000, warnFill: 0.5, highFill: 0.8 }

test('a level begins at its limit and ends below 80 % of it', () => {
  assert.equal(pressureLevel('none', 99, 0, limits), 'none')
  assert.equal(pressureLevel('none', 100, 0, limits), 'warn')
  assert.equal(pressureLevel('warn', 80, 0, limits), 'warn')
  assert.equal(pressureLevel('warn', 79, 0, limits), 'none')
  assert.equal(pressureLevel('warn', 1_000, 0, limits), 'high')
  assert.equal(pressureLevel('high', 800, 0, limits), 'high')
  assert.equal(pressureLevel('high', 799, 0, limits), 'warn')
  assert.equal(pressureLevel('high', 0, 0, limits), 'none')
})

test('a stream that fills up is pressure whatever the lag', () => {
  assert.equal(pressureLevel('none', 1, 0.5, limits), 'warn')
  assert.equal(pressureLevel('none', 1, 0.8, limits), 'high')
})

test("only groups whose level changed are told; acknowledged bytes are nobody's pressure", () => {
  const watch = new LagWatch(limits)
  const look = (storage: number, latest: number) => watch.look([state({ storage, latest })])
  look(0, 0)
  assert.deepEqual(look(0, 0), [])
  assert.deepEqual(look(150, 0), [{ stream: 'quotes', group: 'storage', lag: 150, level: 'warn' }])
  assert.deepEqual(look(160, 0), [])
  assert.deepEqual(look(0, 2_000), [
    { stream: 'quotes', group: 'storage', lag: 0, level: 'none' },
    { stream: 'quotes', group: 'latest', lag: 2_000, level: 'high' }
  ])
})

test('a level that lasts is told again, for hearers that came later or lost it', () => {
  let nowMs = 0
  const watch = new LagWatch(limits, () => nowMs)
  const look = () => watch.look([state({ storage: 150, latest: 0 })]).map(({ group }) => group)
  assert.deepEqual(look(), ['storage', 'latest'])
  nowMs += PRESSURE_REPEAT_MS - 1
  assert.deepEqual(look(), [])
  nowMs += 1
  assert.deepEqual(look(), ['storage'])
  assert.deepEqual(look(), [])
})

test('a watch that takes over tells every group at its first look: the one before may have ended at a raised level', () => {
  assert.deepEqual(new LagWatch(limits).look([state({ storage: 0, latest: 150 })]), [
    { stream: 'quotes', group: 'storage', lag: 0, level: 'none' },
    { stream: 'quotes', group: 'latest', lag: 150, level: 'warn' }
  ])
})

function state(lags: Record<string, number>): StreamState {
  const groups = Object.entries(lags).map(([group, pending]) => ({
    group,
    pending,
    delivered: 0,
    ackFloor: 0,
    redelivered: 0,
    paused: false
  }))
  return {
    name: 'quotes',
    epoch: 'e',
    firstSequence: 1,
    lastSequence: 1,
    bytes: 49,
    maxBytes: 100,
    groups,
    ack: NOTHING_SURVIVES
  }
}
