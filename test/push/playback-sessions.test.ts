import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_LIMITS } from '../../lib/push/limits.ts'
import { MemoryPlaybackHistory } from '../../lib/push/memory-playback-history.ts'
import { ProtocolClient } from '../kit/protocol-client.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { keysOf, makeQuote, OPENING } from './make-quotes.ts'
import { EPOCH } from './open-push.ts'
import { errorsOf, openStage, playedOf, rowsOf, untilPlayed } from './play.ts'

const [A = ''] = keysOf(1)
const SECOND = 1_000_000
const trade = (at: number) => makeQuote(A, OPENING + at, { last: String(at + 1), lastSize: '1' })
const settle = () => new Promise<void>(resolve => setTimeout(resolve, 30))
/** A trade each second. */
const QUOTES = Array.from({ length: 60 }, (_, index) => trade(index * SECOND))
const MINUTE = { time: OPENING, until: OPENING + 60 * SECOND }

test('while the board is loaded anew history plays on, may be made faster, and is no part of the new epoch', async t => {
  const stage = await openStage(t, QUOTES)
  stage.feed([trade(0)])
  const client = await ProtocolClient.connect(t, stage.port)
  const live = await client.subscribe({ keys: [A] })
  const sid = await client.subscribe({ keys: [A], mode: 'all', since: MINUTE })
  await waitUntil('the first row came', () => rowsOf(client, sid).length === 1)
  stage.hub.pause()
  stage.clock.advance(2_000)
  await waitUntil('two rows more came', () => rowsOf(client, sid).length === 3)
  assert.equal((await client.request({ type: 'update', sid, speed: 10 })).type, 'updated')
  stage.clock.advance(1_000)
  await waitUntil('ten rows more came', () => rowsOf(client, sid).length === 13)
  stage.hub.board.restart(`${EPOCH}b`, 7)
  stage.hub.restart()
  await client.request({ type: 'update', sid, speed: 'max' })
  assert.deepEqual([(await untilPlayed(client, sid)).q, rowsOf(client, sid).length], [60, 60])
  assert.deepEqual(
    client.of('snapshot').map(frame => [frame.sid === live, frame.q]),
    [
      [true, client.of('snapshot')[0]?.q],
      [false, 0],
      [true, 7]
    ]
  )
  assert.equal(errorsOf(client), 0)
})

test('a client that is full of history may make it slower', async t => {
  const quotes = Array.from({ length: 60_000 }, (_, index) => trade(index * 1_000))
  const stage = await openStage(t, quotes)
  const client = await ProtocolClient.connect(t, stage.port)
  const sid = await client.subscribe({ keys: [A], mode: 'all', since: { ...MINUTE, speed: 'max' } })
  client.socket.pause()
  const [connection] = stage.connections
  let waits = -1
  await waitUntil('its connection is full', async () => {
    const before = waits
    await settle()
    waits = connection?.writableLength ?? 0
    return waits > stage.hub.limits.softBytes && waits === before
  })
  const answer = client.request({ type: 'update', sid, speed: 0 })
  await settle()
  client.socket.resume()
  const { type, sub } = await answer
  assert.deepEqual([type, (sub as { replay?: { speed: number } } | undefined)?.replay?.speed], ['updated', 0])
  await settle()
  const { length } = rowsOf(client, sid)
  assert.ok(length < quotes.length, `${length} rows came`)
  assert.equal(playedOf(client, sid), undefined)
  await client.request({ type: 'update', sid, speed: 'max' })
  assert.equal((await untilPlayed(client, sid)).rows, quotes.length)
  assert.equal(errorsOf(client), 0)
})

test('what an interval gathers in mode all waits for a client that does not read, in all of its playbacks', async t => {
  const quotes = Array.from({ length: 15_000 }, (_, index) => trade(index * 1_000))
  const stage = await openStage(t, quotes)
  const client = await ProtocolClient.connect(t, stage.port)
  const sub = { keys: [A], mode: 'all', intervalMs: 60_000, since: { ...MINUTE, speed: 'max' } }
  const { subs } = await client.request({ type: 'subscribe', subs: [sub, sub, sub, sub] })
  client.socket.pause()
  const [connection] = stage.connections
  let [written, most] = [-1, 0]
  await waitUntil('it stands still', async () => {
    const before = written
    await settle()
    written = stage.hub.counters.bytesWritten
    most = Math.max(most, connection?.writableLength ?? 0)
    return before === written && most > 0
  })
  // What there was room for, and one frame of 1,024 rows.
  assert.ok(most < 384 * 1024, `${most} bytes wait`)
  client.socket.resume()
  for (const { sid } of subs as { sid: string }[])
    assert.deepEqual([(await untilPlayed(client, sid)).rows, rowsOf(client, sid).length], [15_000, 15_000])
  assert.equal(errorsOf(client), 0)
})

test('administrators see what a session plays, and whom they close plays nothing more', async t => {
  const stage = await openStage(t, QUOTES)
  stage.feed([trade(0)])
  const client = await ProtocolClient.connect(t, stage.port)
  const live = await client.subscribe({ keys: [A] })
  const sid = await client.subscribe({ keys: [A], mode: 'all', since: { ...MINUTE, speed: 2 } })
  await waitUntil('the first row came', () => rowsOf(client, sid).length === 1)
  const { administration } = stage.hub
  const id = String(client.welcome.session)
  const [first, second] = administration.inspect(id)?.subs ?? []
  assert.deepEqual([first?.sid, first?.replay], [live, null])
  assert.deepEqual([second?.sid, second?.q, second?.matched, second?.isBehind], [sid, 1, 1, false])
  assert.deepEqual(second?.replay, { from: MINUTE.time, until: MINUTE.until, speed: 2 })
  assert.equal(administration.list({ limit: 1, sid }).matched, 1)
  assert.deepEqual(administration.kick({ session: id }, false), [id])
  await waitUntil('it is closed', () => client.closed !== null && stage.hub.sessions === 0)
  assert.deepEqual([stage.hub.playbacks, playedOf(client, sid)], [0, undefined])
})

test('a gateway that closes ends all playbacks, and no timer of theirs is left', async t => {
  const stage = await openStage(t, QUOTES)
  const client = await ProtocolClient.connect(t, stage.port)
  const timers = stage.clock.timers
  for (const speed of [0, 1, 1e-9]) await client.subscribe({ keys: [A], since: { ...MINUTE, speed } })
  await waitUntil('they play', () => client.of('snapshot').length === 3)
  await settle()
  assert.ok(stage.clock.timers > timers)
  await stage.server.close()
  await settle()
  assert.deepEqual([stage.hub.sessions, stage.hub.playbacks, stage.clock.timers], [0, 0, 0])
})

test('the keys of a playback do not keep a session from being resumed', async t => {
  const keys = keysOf(4_000)
  const stage = await openStage(t, QUOTES, { isKnown: () => true })
  const client = await ProtocolClient.connect(t, stage.port)
  const live: string[] = []
  for (const begin of [0, 2_000]) live.push(await client.subscribe({ keys: keys.slice(begin, begin + 2_000) }))
  for (const begin of [0, 1, 2])
    await client.subscribe({ keys: keys.slice(begin * 500, begin * 500 + 500), since: MINUTE })
  live.push(await client.subscribe({ keys: [A] }))
  client.socket.terminate()
  await waitUntil('it is gone', () => stage.hub.sessions === 0)
  const next = await ProtocolClient.resume(t, stage.port, client)
  const [resumed] = next.of('resumed')
  const sids = ((resumed?.subs ?? []) as { sid: string }[]).map(({ sid }) => sid)
  assert.deepEqual(sids.sort(), live.sort())
})

for (const snapshot of [true, false]) {
  test(`a resync ${snapshot ? 'before the first snapshot' : 'where there was to be no snapshot'} is answered when history begins, and heartbeats go on until then`, async t => {
    let begin = (): void => {}
    const begins = new Promise<void>(resolve => (begin = resolve))
    class Late extends MemoryPlaybackHistory {
      override keys = (query: Parameters<MemoryPlaybackHistory['keys']>[0]) => begins.then(() => super.keys(query))
    }
    const stage = await openStage(t, new Late([trade(-1), ...QUOTES]))
    const client = await ProtocolClient.connect(t, stage.port)
    const sid = await client.subscribe({ patterns: ['demo:*:*'], mode: 'all', snapshot, since: MINUTE })
    assert.deepEqual((await client.request({ type: 'resync' })).sids, [sid])
    stage.clock.advance(1_500)
    await waitUntil('a heartbeat came', () => client.of('hb').length > 0)
    assert.deepEqual(client.of('hb')[0]?.pos, [{ sid, q: 0 }])
    begin()
    await client.request({ type: 'update', sid, speed: 'max' })
    await untilPlayed(client, sid)
    assert.deepEqual(
      client.of('snapshot').map(({ q }) => q),
      [snapshot ? 1 : 0]
    )
    assert.deepEqual([rowsOf(client, sid).length, errorsOf(client)], [60, 0])
  })
}

test('an overloaded gateway begins no playbacks; those under way keep their pace, and nobody is told of another one', async t => {
  const loopDelay = { ms: 0, start() {}, readMs: () => loopDelay.ms, stop() {} }
  const { overloadReadings, overloadReadingMs, calmReadings, overloadRetryMs } = DEFAULT_LIMITS
  const stage = await openStage(t, QUOTES, { loopDelay })
  const client = await ProtocolClient.connect(t, stage.port)
  const since = { ...MINUTE, time: OPENING - 3_600 * SECOND }
  const sid = await client.subscribe({ keys: [A], intervalMs: 1_000, since })
  await waitUntil('it plays', () => client.of('snapshot').length === 1)
  loopDelay.ms = 1_000
  for (let step = 0; step < 3; step++) stage.clock.advance(overloadReadings * overloadReadingMs)
  assert.equal(stage.hub.overload.step, 'refuse')
  const refused = await client.request({ type: 'subscribe', subs: [{ keys: [A], since: MINUTE }] })
  assert.deepEqual([refused.code, refused.retryAfterMs], [503, overloadRetryMs])
  await client.request({ type: 'update', sid, speed: 'max' })
  assert.equal((await untilPlayed(client, sid)).rows, 60)
  loopDelay.ms = 0
  for (let step = 0; step < 3; step++) stage.clock.advance(calmReadings * overloadReadingMs)
  const again = await client.request({ type: 'subscribe', subs: [{ keys: [A], since: MINUTE }] })
  assert.equal(again.type, 'subscribed')
  assert.deepEqual([client.of('downgraded').length, errorsOf(client)], [0, 0])
})
