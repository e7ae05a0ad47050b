import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { WebSocket } from 'ws'
import type { LoopDelay } from '../../lib/push/loop-delay.ts'
import type { OverloadChange } from '../../lib/push/overload.ts'
import { OverloadLadder } from '../../lib/push/overload-ladder.ts'
import { OverloadStatus } from '../../lib/push/overload-status.ts'
import { Stretch } from '../../lib/push/stretch.ts'
import { ProtocolClient } from '../kit/protocol-client.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { keysOf, makeQuote, OPENING } from './make-quotes.ts'
import { ManualClock } from './manual-clock.ts'
import { openPush, type Push } from './open-push.ts'

const [A = ''] = keysOf(1)
const trade = (at: number) => makeQuote(A, OPENING + at, { last: String(at), lastSize: '1' })
/** Nobody is asked for a pong while the clock jumps. */
const LIMITS = { pingMs: 1e9, slowPingMs: 1e9, shedClients: 1, messagesPerSecond: 1e6, messageBurst: 1e6 }

/** A gateway that is as late as the test says. */
class SetDelay implements LoopDelay {
  ms = 0
  isOn = false
  start(): void {
    this.isOn = true
  }
  readMs(): number {
    return this.ms
  }
  stop(): void {
    this.isOn = false
  }
}

interface Stage extends Push {
  clock: ManualClock
  delay: SetDelay
  changes: OverloadChange[]
}

async function openStage(t: TestContext): Promise<Stage> {
  const clock = new ManualClock(OPENING)
  const delay = new SetDelay()
  const changes: OverloadChange[] = []
  const onOverload = (change: OverloadChange) => void changes.push(change)
  const push = await openPush(t, { clock, loopDelay: delay, onOverload, limits: LIMITS })
  push.feed([trade(0)])
  return { ...push, clock, delay, changes }
}

async function refusal(t: TestContext, port: number): Promise<[number | undefined, string | undefined]> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/stream`, 'quotes.v1.json')
  t.after(() => socket.terminate())
  socket.on('error', () => {})
  const [, response] = await once(socket, 'unexpected-response')
  return [response.statusCode, response.headers['retry-after']]
}

test('the ladder goes up after readings in a row above the one bound, and down after more below the other', () => {
  const ladder = new OverloadLadder({ overloadDelayMs: 100, overloadReadings: 2, calmDelayMs: 50, calmReadings: 3 })
  const after = (...readings: number[]) => {
    for (const ms of readings) ladder.take(ms)
    return ladder.step
  }
  assert.equal(after(100, 99, 100), 'none')
  assert.equal(after(100), 'stretch')
  assert.equal(after(70, 70, 70, 70, 70), 'stretch', 'between the bounds nothing changes')
  assert.equal(after(0, 0, 50, 0, 0), 'stretch')
  assert.equal(after(0), 'none')
  assert.equal(after(...Array(20).fill(500)), 'shed')
  assert.deepEqual(
    (['none', 'refuse', 'shed'] as const).map(step => ladder.has(step)),
    [true, true, true]
  )
  assert.equal(after(0, 0, 0), 'refuse')
  assert.equal(ladder.has('shed'), false)
})

test('intervals are stretched by the factor, those of every turn too, and never beyond the longest', () => {
  const stretch = new Stretch(3_000)
  assert.deepEqual([stretch.of(0), stretch.of(1_000)], [0, 1_000])
  stretch.factor = 2
  assert.deepEqual([stretch.of(0), stretch.of(10), stretch.of(1_000)], [50, 50, 2_000])
  stretch.factor = 4
  assert.deepEqual([stretch.of(0), stretch.of(100), stretch.of(1_000)], [100, 400, 3_000])
})

test('clients are told that a gateway is overloaded once, and that it is over', () => {
  const status = new OverloadStatus({ nowMicros: () => 5 })
  const states = (['none', 'stretch', 'refuse', 'stretch', 'none', 'none'] as const).map(
    step => status.statusOf('node-1', step)?.state
  )
  assert.deepEqual(states, [undefined, 'stale', undefined, undefined, 'ok', undefined])
})

test('an overloaded gateway stretches intervals, refuses, closes the slowest, and comes back step by step', async t => {
  const { hub, port, clock, delay, changes, feed, connections } = await openStage(t)
  const client = await ProtocolClient.connect(t, port)
  const other = await ProtocolClient.connect(t, port)
  const sid = await client.subscribe({ keys: [A] })
  const slow = await client.subscribe({ keys: [A], intervalMs: 1_000 })
  const told = () => client.of('downgraded').map(({ sid, from, intervalMs, reason }) => [sid, from, intervalMs, reason])

  delay.ms = 400
  clock.advance(4_000)
  assert.equal(hub.overload.step, 'none')
  clock.advance(1_250)
  assert.equal(hub.overload.step, 'stretch')
  await waitUntil('it was told', () => told().length === 2)
  assert.deepEqual(told(), [
    [sid, undefined, 50, 'overload'],
    [slow, undefined, 2_000, 'overload']
  ])

  const before = client.of('quotes').filter(frame => frame.sid === sid).length
  for (let at = 1; at <= 20; at++) {
    feed([trade(at)])
    clock.advance(10)
    await turn()
  }
  clock.advance(50)
  await waitUntil('the last row came', () => client.board(sid).rows.get(A)?.last === '20')
  const frames = client.of('quotes').filter(frame => frame.sid === sid).length - before
  assert.ok(frames <= 5, `${frames} frames of twenty turns in 200 ms`)
  assert.deepEqual([client.losses, client.duplicates], [0, 0])

  clock.advance(5_000)
  assert.equal(hub.overload.step, 'stretchMore')
  assert.equal(hub.overload.isRefusing, false)
  clock.advance(5_000)
  assert.equal(hub.overload.step, 'refuse')
  assert.deepEqual(await refusal(t, port), [503, '5'])
  assert.equal(hub.counters.refusedOverloaded, 1)

  connections[1]!.cork()
  other.socket.send('{"type":"list"}')
  await waitUntil('one has something unsent', () => connections[1]!.writableLength > 0)
  clock.advance(5_000)
  assert.deepEqual([hub.overload.step, hub.counters.closedOverloaded], ['shed', 1])
  connections[1]!.uncork()
  await waitUntil('the slower one was closed', () => other.closed !== null)
  assert.deepEqual(other.closed, { code: 4100, reason: 'overloaded' })
  assert.equal(other.of('bye')[0]?.close, 4100)

  delay.ms = 0
  const level: string[] = []
  for (let i = 0; i < 4; i++) {
    clock.advance(10_000)
    level.push(hub.overload.step)
  }
  assert.deepEqual(level, ['refuse', 'stretchMore', 'stretch', 'none'])
  clock.advance(250)
  await waitUntil('it was told that it is over', () => told().at(-1)?.[2] === 1_000)
  assert.deepEqual(told().slice(-2), [
    [sid, undefined, 0, 'recovered'],
    [slow, undefined, 1_000, 'recovered']
  ])
  assert.equal(client.closed, null)
  const { overloadStepsUp, overloadStepsDown } = hub.counters
  assert.deepEqual([overloadStepsUp, overloadStepsDown], [4, 4])
  assert.deepEqual(changes[0], { way: 'up', step: 'stretch', delayMs: 400 })
  await ProtocolClient.connect(t, port)
})

test('with nobody left a gateway is not overloaded, and measures nothing', async t => {
  const { hub, port, clock, delay, changes } = await openStage(t)
  const client = await ProtocolClient.connect(t, port)
  assert.equal(delay.isOn, true)
  delay.ms = 400
  clock.advance(15_000)
  assert.equal(hub.overload.isRefusing, true)
  client.socket.terminate()
  await waitUntil('it has gone', () => hub.sessions === 0)
  assert.deepEqual([hub.overload.step, delay.isOn, changes.at(-1)?.step], ['none', false, 'none'])
  await ProtocolClient.connect(t, port)
})

test('a process whose event loop is really blocked climbs, and comes back', { timeout: 60_000 }, async t => {
  const push = await openPush(t, {
    limits: {
      ...LIMITS,
      shedClients: 0,
      overloadReadingMs: 200,
      overloadDelayMs: 60,
      overloadReadings: 2,
      calmDelayMs: 50,
      calmReadings: 2
    }
  })
  push.feed([trade(0)])
  const client = await ProtocolClient.connect(t, push.port)
  await client.subscribe({ keys: [A] })
  const { hub } = push
  while (hub.overload.step !== 'shed') {
    for (const end = performance.now() + 100; performance.now() < end; );
    await turn()
  }
  await waitUntil('it has come back', () => hub.overload.step === 'none', 50_000)
  const { overloadStepsUp, overloadStepsDown } = hub.counters
  assert.ok(overloadStepsUp >= 4 && overloadStepsUp === overloadStepsDown)
  assert.equal(client.closed, null)
})
