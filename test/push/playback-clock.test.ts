import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PlaybackClock } from '../../lib/push/playback-clock.ts'
import { ManualClock } from './manual-clock.ts'

const FROM = 1_700_000_000_000_000
const SECOND = 1_000_000

function playing(speed: number | 'max'): { wall: ManualClock; history: PlaybackClock } {
  const wall = new ManualClock(FROM * 2)
  const history = new PlaybackClock(wall, FROM, speed)
  history.release()
  return { wall, history }
}

test('a moment is due after its time divided by the speed', () => {
  for (const [speed, expected] of [
    [1, 10_000],
    [10, 1_000],
    [0.5, 20_000]
  ] as const) {
    const { wall, history } = playing(speed)
    assert.equal(history.delayMs(FROM + 10 * SECOND), expected)
    wall.advance(expected / 2)
    assert.equal(history.delayMs(FROM + 10 * SECOND), expected / 2)
    wall.advance(expected / 2)
    assert.equal(history.delayMs(FROM + 10 * SECOND), 0)
    assert.equal(history.delayMs(FROM), 0)
  }
})

test('history stands still while it is held, before it is released, and at speed 0', () => {
  const wall = new ManualClock(FROM * 2)
  const history = new PlaybackClock(wall, FROM, 1)
  wall.advance(5_000)
  assert.equal(history.delayMs(FROM), null)
  history.release()
  assert.equal(history.delayMs(FROM + SECOND), 1_000)
  wall.advance(400)
  history.hold()
  history.hold()
  wall.advance(60_000)
  history.release()
  assert.equal(history.delayMs(FROM + SECOND), 600)
  history.change(0)
  wall.advance(60_000)
  assert.equal(history.delayMs(FROM + SECOND), null)
  assert.equal(history.delayMs(FROM), 0)
  history.change(2)
  assert.equal(history.delayMs(FROM + SECOND), 300)
})

test('at the greatest speed everything is due, and a change goes on from what was looked for last', () => {
  const { history } = playing('max')
  assert.equal(history.delayMs(FROM + 3_600 * SECOND), 0)
  history.change(1)
  assert.equal(history.delayMs(FROM + 3_601 * SECOND), 1_000)
})
