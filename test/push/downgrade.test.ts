import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { intervalAt } from '../../lib/push/pace.ts'
import { type Progress, SlowClient } from '../../lib/push/slow-client.ts'
import { ProtocolClient } from '../kit/protocol-client.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { keysOf, makeQuote, OPENING } from './make-quotes.ts'
import { ManualClock } from './manual-clock.ts'
import { openPush, type Push } from './open-push.ts'

const KEYS = keysOf(20)
const LIMITS = { softBytes: 500, pingMs: 1e9, slowPingMs: 1e9, messagesPerSecond: 1e6, messageBurst: 1e6 }

interface Stage extends Push {
  clock: ManualClock
  client: ProtocolClient
  /** A quote of every key each 100 ms; the client is stalled for all of it, or for none. */
  pass(ms: number, isStalled?: boolean): Promise<void>
}

async function openStage(t: TestContext): Promise<Stage> {
  const clock = new ManualClock(OPENING)
  const push = await openPush(t, { clock, isKnown: () => true, limits: LIMITS })
  const client = await ProtocolClient.connect(t, push.port)
  let at = 0
  const pass = async (ms: number, isStalled = false): Promise<void> => {
    const connection = push.connections[0]!
    if (isStalled) connection.cork()
    for (const end = clock.nowMs() + ms; clock.nowMs() < end; ) {
      at++
      push.feed(KEYS.map(key => makeQuote(key, OPENING + at, { last: String(at), lastSize: '1' })))
      clock.advance(100)
      await turn()
    }
    if (isStalled) connection.uncork()
    await waitUntil('it has taken all', () => connection.writableLength === 0)
    if (isStalled) clock.advance(250)
  }
  return { ...push, clock, client, pass }
}

const told = (client: ProtocolClient) =>
  client.of('downgraded').map(({ intervalMs, reason }) => ({ intervalMs, reason }))
const faults = ({ losses, duplicates, regressions, strays }: ProtocolClient) => [
  losses,
  duplicates,
  regressions,
  strays
]

test('the steps begin at 100 ms, double, and end at ten times what was asked or at the longest interval', () => {
  const steps = (askedMs: number, max = 60_000) => [0, 1, 2, 3, 4, 5].map(level => intervalAt(askedMs, level, max))
  assert.deepEqual(steps(0), [0, 100, 200, 400, 800, 1000])
  assert.deepEqual(steps(80), [80, 160, 320, 640, 1000, 1000])
  assert.deepEqual(steps(1000), [1000, 2000, 4000, 8000, 10_000, 10_000])
  assert.deepEqual(steps(1000, 3000), [1000, 2000, 3000, 3000, 3000, 3000])
  assert.deepEqual(steps(60_000), Array(6).fill(60_000))
})

test('a client is slow when it misses half of the ticks, or is behind half of the time; and well after a while with ticks', () => {
  const limits = { slowWindowMs: 1_000, slowTicks: 4, recoverMs: 3_000 }
  const start: Progress = { nowMs: 0, ticks: 0, skipped: 0, isLagging: false }
  /** The verdict after a second of looks, of ticks seen and missed, and of looks at which it was behind. */
  const second = (judge: SlowClient, before: Progress, ticks: number, skipped: number, lagging = 0) => {
    let verdict: string | null = null
    let now = before
    for (let look = 1; look <= 4; look++) {
      now = {
        nowMs: before.nowMs + look * 250,
        ticks: before.ticks + (ticks * look) / 4,
        skipped: before.skipped + (skipped * look) / 4,
        isLagging: look <= lagging
      }
      verdict = judge.look(now)
    }
    return { verdict, now }
  }
  assert.equal(second(new SlowClient(limits, start), start, 8, 4).verdict, 'slow')
  assert.equal(second(new SlowClient(limits, start), start, 8, 3).verdict, null)
  assert.equal(second(new SlowClient(limits, start), start, 3, 3).verdict, null, 'too few ticks to say')
  assert.equal(second(new SlowClient(limits, start), start, 0, 0, 2).verdict, 'slow')
  assert.equal(second(new SlowClient(limits, start), start, 0, 0, 1).verdict, null)

  const judge = new SlowClient(limits, start)
  let { verdict, now } = second(judge, start, 8, 8)
  const verdicts = [verdict]
  for (const ticks of [4, 4, 0, 4]) {
    ;({ verdict, now } = second(judge, now, ticks, 0))
    verdicts.push(verdict)
  }
  assert.deepEqual(verdicts, ['slow', null, null, 'well', 'well'])
  judge.begin(now)
  for (let i = 0; i < 9; i++) ({ verdict, now } = second(judge, now, 0, 0))
  assert.equal(verdict, null, 'without a tick nobody keeps up')
})

test('a slow client is moved to a longer interval, told so, loses nothing, and comes back step by step', async t => {
  const { hub, client, pass } = await openStage(t)
  const sid = await client.subscribe({ patterns: ['*:*:*'] })
  await pass(1_000)
  assert.deepEqual(told(client), [])
  for (let i = 0; i < 3; i++) await pass(6_000, true)
  await waitUntil('it was told', () => told(client).length === 3)
  assert.deepEqual(
    told(client),
    [100, 200, 400].map(intervalMs => ({ intervalMs, reason: 'slow_client' }))
  )
  const [first] = client.of('downgraded')
  assert.equal(first?.from, sid)
  assert.equal(client.sidOf(sid), client.of('downgraded')[2]?.sid)
  assert.equal(client.of('snapshot').length, 1, 'no other snapshot is needed')

  const before = client.of('quotes').length
  await pass(4_000)
  await waitUntil('ten frames came, not forty', () => client.of('quotes').length >= before + 10)
  assert.ok(client.of('quotes').length <= before + 11)

  await pass(100_000)
  await waitUntil('it has recovered', () => told(client).length === 6)
  assert.deepEqual(
    told(client).slice(3),
    [200, 100, 0].map(intervalMs => ({ intervalMs, reason: 'recovered' }))
  )
  assert.equal(client.sidOf(sid), sid)
  await waitUntil('it has everything', () => client.board(sid).q === hub.board.position)
  assert.deepEqual(faults(client), [0, 0, 0, 0])
  assert.deepEqual([hub.counters.downgrades, hub.counters.recoveries, hub.groups], [3, 3, 1])
})

test('what a client asked for stays its own: update, another subscribe and a resume begin with it', async t => {
  const { client, port, pass } = await openStage(t)
  const sid = await client.subscribe({ keys: KEYS.slice(0, 10), intervalMs: 100 })
  await pass(6_000, true)
  await waitUntil('it was told', () => told(client).length === 1)
  const slower = client.sidOf(sid)
  const again = await client.request({ type: 'subscribe', subs: [{ keys: KEYS.slice(0, 10), intervalMs: 100 }] })
  const [info] = again.subs as { sid: string; intervalMs: number }[]
  assert.deepEqual([info?.sid, info?.intervalMs], [slower, 200], 'it is the same subscription')

  await pass(500)
  client.socket.terminate()
  await once(client.socket, 'close')
  const next = await ProtocolClient.resume(t, port, client)
  const resumed = next.of('resumed')[0]!
  const [sub] = resumed.subs as { sid: string; from: string; intervalMs: number }[]
  assert.deepEqual([resumed.recovered, sub?.sid, sub?.from, sub?.intervalMs], [true, sid, slower, 100])

  const updated = await next.request({ type: 'update', sid, fields: ['last'] })
  assert.equal((updated.sub as { intervalMs: number }).intervalMs, 100)
})

test('a client whose connection ended before it heard of the last step goes on from the sid that it knows', async t => {
  const { client, port, pass } = await openStage(t)
  const sid = await client.subscribe({ patterns: ['*:*:*'] })
  await pass(6_000, true)
  await waitUntil('it was told', () => told(client).length === 1)
  const known = client.sidOf(sid)
  const { q } = client.board(sid)
  await pass(6_000, true)
  await waitUntil('it was made slower again', () => told(client).length === 2)
  client.socket.terminate()
  await once(client.socket, 'close')
  const next = await ProtocolClient.connect(t, port, 'quotes.v1.msgpack')
  const { session, resumeToken, epoch } = client.welcome
  const resumed = await next.request({ type: 'resume', session, resumeToken, epoch, pos: [{ sid: known, q }] })
  const [sub] = resumed.subs as { from: string; recovered: boolean; intervalMs: number }[]
  assert.deepEqual([sub?.recovered, sub?.from, sub?.intervalMs], [true, known, 0])
})

test('no step leads onto a sid that another subscription of the client was asked for under', async t => {
  const { client, pass } = await openStage(t)
  const asked = { patterns: ['*:*:*'], mode: 'conflate' }
  await client.subscribe({ ...asked, intervalMs: 200 })
  await pass(6_000, true)
  await waitUntil('it was told', () => told(client).length === 1)
  // The first goes at 400 now, so 200 would be free, but for a client that has not heard of it.
  await client.subscribe({ ...asked, intervalMs: 100 })
  await pass(6_000, true)
  await waitUntil('both were told', () => told(client).length === 3)
  assert.equal(
    told(client).some(({ intervalMs }) => intervalMs === 200),
    false
  )
  assert.deepEqual(faults(client), [0, 0, 0, 0])
})

test('an update of a slowed subscription keeps the asked interval', async t => {
  const { client, pass } = await openStage(t)
  const sid = await client.subscribe({ patterns: ['*:*:*'], intervalMs: 100 })
  await pass(6_000, true)
  await waitUntil('it was told', () => told(client).length === 1)
  const { from, sub } = await client.request({ type: 'update', sid: client.sidOf(sid), fields: ['last'] })
  assert.deepEqual([from, (sub as { intervalMs: number }).intervalMs], [client.of('downgraded')[0]?.sid, 100])
})

test('a subscription is never moved onto another one of its client', async t => {
  const { client, pass } = await openStage(t)
  const asked = { patterns: ['*:*:*'], mode: 'conflate' }
  const sids = [
    await client.subscribe({ ...asked, intervalMs: 100 }),
    await client.subscribe({ ...asked, intervalMs: 200 })
  ]
  await pass(6_000, true)
  await waitUntil('both were told', () => told(client).length === 2)
  assert.deepEqual(
    told(client)
      .map(({ intervalMs }) => intervalMs)
      .sort(),
    [400, 800].sort()
  )
  assert.equal(new Set(sids.map(sid => client.sidOf(sid))).size, 2)
  assert.deepEqual(faults(client), [0, 0, 0, 0])
})
