import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PingClock } from '../../lib/push/ping-clock.ts'
import { OPENING } from './make-quotes.ts'
import { ManualClock } from './manual-clock.ts'

const LIMITS = { pingMs: 5_000, slowPingMs: 1_000, pongMs: 20_000, lagMs: 2_000 }
const LOOK_MS = 250

/** A client of which the test decides when its pongs come. */
function openPings() {
  const clock = new ManualClock(OPENING)
  const sent: { payload: Buffer; atMs: number }[] = []
  const ping = (payload: Buffer) => void sent.push({ payload, atMs: clock.nowMs() })
  const pings = new PingClock({ ping }, { clock, limits: LIMITS, random: () => 0 })
  const looks = (count: number, { isSlow = false, answers = false } = {}): boolean => {
    let isAlive = true
    for (let i = 0; i < count && isAlive; i++) {
      const before = sent.length
      clock.advance(LOOK_MS)
      isAlive = pings.look(clock.nowMs(), isSlow)
      if (answers && sent.length > before) pings.pong(sent.at(-1)!.payload)
    }
    return isAlive
  }
  return { clock, pings, sent, looks, echo: () => pings.pong(sent.at(-1)!.payload) }
}

test('a ping carries the time in microseconds, and its echo tells how far behind the client is', () => {
  const { clock, pings, sent, looks, echo } = openPings()
  assert.equal(pings.lagMs, null)
  looks(20)
  assert.deepEqual(
    sent.map(({ payload }) => payload.readBigUInt64BE()),
    [BigInt(OPENING + 5_000_000)]
  )
  clock.advance(70)
  assert.equal(pings.lagMs, 70, 'what is under way is as old as that')
  echo()
  clock.advance(1_000)
  assert.equal(pings.lagMs, 70)
})

test('a pong that no ping asked for says nothing', () => {
  const { clock, pings, sent, looks, echo } = openPings()
  pings.pong(Buffer.alloc(8))
  assert.equal(pings.lagMs, null)
  looks(20)
  clock.advance(300)
  for (const payload of ['', 'now', Buffer.alloc(8), Buffer.concat([sent[0]!.payload, Buffer.alloc(1)])])
    pings.pong(Buffer.from(payload))
  clock.advance(100)
  assert.equal(pings.lagMs, 400, 'the ping is still under way')
  echo()
  clock.advance(100)
  echo()
  assert.equal(pings.lagMs, 400, 'an echo counts once')
})

test('one ping is under way at a time, and one without an answer is the end', () => {
  const { sent, looks } = openPings()
  assert.equal(looks(20 + 79), true)
  assert.equal(sent.length, 1)
  assert.equal(looks(1), false)
})

test('a client that appears slow is asked more often, until it has appeared well for a while', () => {
  const { sent, looks } = openPings()
  looks(40, { answers: true })
  assert.equal(sent.length, 2)
  looks(40, { isSlow: true, answers: true })
  assert.equal(sent.length, 12)
  looks(120, { answers: true })
  const times = sent.slice(-4).map(({ atMs }, index, all) => (index === 0 ? 0 : atMs - all[index - 1]!.atMs))
  assert.deepEqual(times, [0, 1_000, 1_000, 1_000])
  looks(100, { answers: true })
  assert.equal(sent.at(-1)!.atMs - sent.at(-2)!.atMs, 5_000)
})

test('a client is behind while its ping is under way for too long, and until a ping comes back in time', () => {
  const { clock, pings, sent, looks, echo } = openPings()
  looks(20)
  looks(8)
  assert.equal(pings.isLagging, false, 'as far behind as it may be')
  looks(1)
  assert.equal(pings.isLagging, true)
  looks(10)
  echo()
  assert.equal(sent.length, 2, 'it is asked again at once')
  assert.deepEqual([pings.isLagging, pings.lagMs], [true, 4_750])
  clock.advance(3)
  echo()
  assert.deepEqual([pings.isLagging, pings.lagMs], [false, 3])
  looks(8, { answers: true })
  assert.equal(sent.length, 4, 'and watched')
})

test('time in which nobody here could take a pong is not the client’s', () => {
  const { clock, pings, looks, echo } = openPings()
  looks(20)
  clock.advance(10_000)
  assert.equal(pings.look(clock.nowMs(), false, 9_900), true)
  assert.deepEqual([pings.isLagging, pings.lagMs], [false, 100])
  echo()
  assert.equal(pings.lagMs, 100)
})
