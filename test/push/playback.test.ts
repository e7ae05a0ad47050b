import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryPlaybackHistory } from '../../lib/push/memory-playback-history.ts'
import { ProtocolClient } from '../kit/protocol-client.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { keysOf, makeQuote, OPENING, RandomMarket, seededRandom } from './make-quotes.ts'
import {
  errorsOf,
  expectedRows,
  inOrder,
  NEXT_DAY,
  openStage,
  playedOf,
  rowsOf,
  untilPlayed,
  valuesOf
} from './play.ts'

const [A = '', B = '', C = ''] = keysOf(3)
const MS = 1_000
const SECOND = 1_000_000
const trade = (key: string, at: number, last: string | number) =>
  makeQuote(key, OPENING + at, { last: String(last), lastSize: '1' })
const settle = () => new Promise<void>(resolve => setTimeout(resolve, 30))

test('every update of a part of history is played in order at the greatest speed, and the board is that of live at its end', async t => {
  const keys = keysOf(8)
  const market = new RandomMarket(keys, seededRandom(11))
  const quotes = market.batch(6_000)
  const stage = await openStage(t, quotes)
  for (let begin = 0; begin < quotes.length; begin += 500) stage.feed(quotes.slice(begin, begin + 500))
  const client = await ProtocolClient.connect(t, stage.port)
  assert.ok((client.welcome.features as string[]).includes('replay'))
  const live = await client.subscribe({ patterns: ['*:*:*'], mode: 'all' })
  const sid = await client.subscribe({
    keys: [keys[0]],
    patterns: ['demo:spot:*'],
    mode: 'all',
    since: { time: OPENING - SECOND, speed: 'max' }
  })
  const played = await untilPlayed(client, sid)
  const { rows, board } = expectedRows(inOrder(quotes))
  assert.deepEqual(rowsOf(client, sid).map(valuesOf), rows)
  assert.deepEqual(played, { type: 'played', sid, q: quotes.length, time: NEXT_DAY, rows: rows.length })
  const shown = new Map([...client.board(sid).rows].map(([key, row]) => [key, valuesOf(row)]))
  assert.deepEqual(shown, board)
  assert.deepEqual(shown, new Map([...client.board(live).rows].map(([key, row]) => [key, valuesOf(row)])))
  assert.equal(errorsOf(client), 0)
  const { subs } = await client.request({ type: 'list' })
  assert.deepEqual(
    (subs as { sid: string }[]).map(one => one.sid),
    [live]
  )
  assert.equal(stage.hub.playbacks, 0)
})

test('subscribed tells what is played, and the snapshot shows the moment before it with positions of its own', async t => {
  const quotes = [
    makeQuote(A, OPENING - 86_401 * SECOND, { channel: 'old', open: '1', window: 'session' }),
    trade(A, -2, 'x1'.length),
    trade(A, -1, 5),
    makeQuote(A, OPENING - 3, { channel: '@book', bid: '4', bidSize: null, ask: '6', askSize: null }),
    trade(A, 0, 7),
    trade(B, 1, 8)
  ]
  const stage = await openStage(t, quotes)
  const client = await ProtocolClient.connect(t, stage.port)
  const since = { time: OPENING, until: OPENING + 2, speed: 'max' }
  const answer = await client.request({ type: 'subscribe', subs: [{ keys: [B, A, C], mode: 'all', since }] })
  const [sub] = answer.subs as { sid: string; epoch: string; replay: object; q: number; keys: number }[]
  const { sid = '', epoch = '' } = sub ?? {}
  assert.match(epoch, /^replay:/)
  assert.deepEqual([sub?.replay, sub?.q, sub?.keys], [{ from: OPENING, until: OPENING + 2, speed: 'max' }, 0, 3])
  assert.deepEqual(answer.rejected, [])
  await untilPlayed(client, sid)
  const [snapshot] = client.of('snapshot')
  const common = { status: 'trading' }
  assert.deepEqual([snapshot?.epoch, snapshot?.q, snapshot?.final], [epoch, 2, true])
  assert.deepEqual(snapshot?.data, [
    {
      ...{ key: A, q: 2, last: '5', lastSize: '1', bid: '4', bidSize: null, ask: '6', askSize: null, ...common },
      ...{ exchangeTime: OPENING - 1 - 20_000, receivedTime: OPENING - 1 }
    }
  ])
  assert.deepEqual(
    rowsOf(client, sid).map(({ key, q, p, n, last }) => [key, q, p, n, last]),
    [
      [A, 3, 2, 1, '7'],
      [B, 4, 0, 1, '8']
    ]
  )
  assert.equal(errorsOf(client), 0)
})

test('without a snapshot nothing before the time is looked at, and in mode latest there is nothing else', async t => {
  const stage = await openStage(t, [trade(A, -1, 5), trade(A, 0, 7)])
  const client = await ProtocolClient.connect(t, stage.port)
  const since = { time: OPENING, until: OPENING + 5, speed: 'max' }
  const sid = await client.subscribe({ keys: [A], snapshot: false, mode: 'all', since })
  assert.equal((await untilPlayed(client, sid)).rows, 1)
  assert.deepEqual([client.of('snapshot').length, rowsOf(client, sid)[0]?.q, rowsOf(client, sid)[0]?.p], [0, 1, 0])
  const latest = await client.subscribe({ keys: [A], mode: 'latest', since })
  assert.equal((await untilPlayed(client, latest)).rows, 0)
  assert.equal(((client.of('snapshot')[0]?.data ?? []) as { last: string }[])[0]?.last, '5')
})

test('rows come when their moment does, divided by the speed, and frames tell the moment', async t => {
  const quotes = [trade(A, 10 * MS, 1), trade(A, 20 * MS, 2), trade(B, 20 * MS, 3), trade(A, 500 * MS, 4)]
  const stage = await openStage(t, quotes)
  const client = await ProtocolClient.connect(t, stage.port)
  const since = { time: OPENING, until: OPENING + SECOND, speed: 2 }
  const sid = await client.subscribe({ keys: [A, B], mode: 'all', since })
  await waitUntil('the snapshot came', () => client.of('snapshot').length === 1)
  const cameBy = async (ms: number, count: number) => {
    stage.clock.advance(ms)
    await waitUntil(`${count} rows came`, () => rowsOf(client, sid).length >= count)
    await settle()
    assert.equal(rowsOf(client, sid).length, count)
  }
  await settle()
  await cameBy(4, 0)
  await cameBy(1, 1)
  await cameBy(4, 1)
  await cameBy(1, 3)
  await cameBy(239, 3)
  await cameBy(1, 4)
  assert.deepEqual(
    client.of('quotes').map(({ time }) => time),
    [10, 20, 500].map(at => OPENING + at * MS)
  )
  stage.clock.advance(249)
  await settle()
  assert.equal(playedOf(client, sid), undefined)
  stage.clock.advance(1)
  assert.deepEqual(await untilPlayed(client, sid), { type: 'played', sid, q: 4, time: OPENING + SECOND, rows: 4 })
})

test('an interval counts in history: the frames are the same at every speed', async t => {
  const market = new RandomMarket(keysOf(4), seededRandom(7))
  const stage = await openStage(t, market.batch(2_000))
  const frames: object[][] = []
  for (const speed of [1, 50, 'max'] as const) {
    const client = await ProtocolClient.connect(t, stage.port)
    const since = { time: OPENING, until: OPENING + 2_500 * MS, speed }
    const sid = await client.subscribe({ patterns: ['demo:*:*'], intervalMs: 100, since })
    await waitUntil('it has played', async () => {
      stage.clock.advance(speed === 1 ? 10 : 1)
      return playedOf(client, sid) !== undefined
    })
    assert.equal(errorsOf(client), 0)
    frames.push(client.of('quotes').map(({ q, time, data }) => ({ q, time, data })))
    const shown = [...client.board(sid).rows.values()].map(valuesOf)
    assert.equal(shown.length, 4)
  }
  const [first = [], ...others] = frames
  assert.ok(first.length >= 20 && first.length <= 25, `${first.length} frames`)
  for (const other of others) assert.deepEqual(other, first)
  for (const { time } of first as { time: number }[]) assert.equal((time - OPENING) % (100 * MS), 0)
})

test('conflated rows merge what happened in an interval, a millisecond where none is asked for', async t => {
  const quotes = [trade(A, 100, 1), trade(A, 200, 2), trade(A, 999, 3), trade(A, 1_000, 4), trade(A, 2_500, 5)]
  const stage = await openStage(t, quotes)
  const client = await ProtocolClient.connect(t, stage.port)
  const since = { time: OPENING, until: OPENING + 3_000, speed: 'max' }
  const sid = await client.subscribe({ keys: [A], since })
  await untilPlayed(client, sid)
  assert.deepEqual(
    client
      .of('quotes')
      .map(({ time, q, data }) => [
        Number(time) - OPENING,
        q,
        (data as { n: number; last: string }[]).map(row => [row.n, row.last])
      ]),
    [
      [1_000, 3, [[3, '3']]],
      [2_000, 4, [[1, '4']]],
      [3_000, 5, [[1, '5']]]
    ]
  )
})

test('a playback stands still at speed 0, goes on at another one, and changes nothing else', async t => {
  const stage = await openStage(t, [trade(A, 10 * MS, 1), trade(A, 5 * SECOND, 2)])
  const client = await ProtocolClient.connect(t, stage.port)
  const sid = await client.subscribe({
    keys: [A],
    mode: 'all',
    since: { time: OPENING, until: OPENING + 9 * SECOND, speed: 0 }
  })
  await waitUntil('the snapshot came', () => client.of('snapshot').length === 1)
  stage.clock.advance(60_000)
  await settle()
  assert.equal(rowsOf(client, sid).length, 0)
  const updated = await client.request({ type: 'update', sid, speed: 1 })
  const sub = updated.sub as { sid: string; replay: { speed: number } }
  assert.deepEqual([updated.from, sub.sid, sub.replay.speed], [sid, sid, 1])
  stage.clock.advance(10)
  await waitUntil('the first row came', () => rowsOf(client, sid).length === 1)
  for (const refused of [
    { sid, speed: -1 },
    { sid, speed: 1, intervalMs: 5 },
    { sid, fields: ['last'] }
  ])
    assert.equal((await client.request({ type: 'update', ...refused })).code, 400)
  const live = await client.subscribe({ keys: [A], since: null, patterns: ['demo:*:*'] })
  assert.equal((await client.request({ type: 'update', sid: live, speed: 2 })).code, 400)
  await client.request({ type: 'update', sid, speed: 'max' })
  assert.equal((await untilPlayed(client, sid)).rows, 2)
})

test('heartbeats go on while history plays, and tell its position', async t => {
  const stage = await openStage(t, [trade(A, 0, 1), trade(A, 3_600 * SECOND, 2)])
  const client = await ProtocolClient.connect(t, stage.port)
  const sid = await client.subscribe({ keys: [A], mode: 'all', since: { time: OPENING } })
  await waitUntil('the first row came', () => rowsOf(client, sid).length === 1)
  stage.clock.advance(1_500)
  await waitUntil('a heartbeat came', () => client.of('hb').length > 0)
  assert.deepEqual(client.of('hb')[0]?.pos, [{ sid, q: 1 }])
  assert.equal(errorsOf(client), 0)
})

test('resync shows the moment that is played, and unsubscribe ends it without a word', async t => {
  const quotes = [trade(A, 0, 1), trade(A, 10 * SECOND, 2)]
  let reads = 0
  class Counted extends MemoryPlaybackHistory {
    override page(query: Parameters<MemoryPlaybackHistory['page']>[0]): ReturnType<MemoryPlaybackHistory['page']> {
      reads++
      return super.page(query)
    }
  }
  const stage = await openStage(t, new Counted(quotes))
  const client = await ProtocolClient.connect(t, stage.port)
  const sid = await client.subscribe({ keys: [A], mode: 'all', since: { time: OPENING } })
  await waitUntil('the first row came', () => rowsOf(client, sid).length === 1)
  await client.request({ type: 'resync' })
  await waitUntil('the snapshot came', () => client.of('snapshot').length === 2)
  assert.equal(((client.of('snapshot')[1]?.data ?? []) as { last: string }[])[0]?.last, '1')
  assert.deepEqual((await client.request({ type: 'unsubscribe', sids: [sid] })).sids, [sid])
  const readBefore = reads
  stage.clock.advance(60_000)
  await settle()
  assert.deepEqual(
    [client.of('played').length, rowsOf(client, sid).length, reads, stage.hub.playbacks],
    [0, 1, readBefore, 0]
  )
})

test('a connection that ends takes its playbacks with it, and resume brings none back', async t => {
  const stage = await openStage(t, [trade(A, 0, 1)])
  stage.feed([trade(A, 0, 1)])
  const client = await ProtocolClient.connect(t, stage.port)
  const live = await client.subscribe({ keys: [A] })
  await client.subscribe({ keys: [A], since: { time: OPENING } })
  assert.equal(stage.hub.playbacks, 1)
  client.socket.terminate()
  await waitUntil('it is gone', () => stage.hub.sessions === 0)
  assert.equal(stage.hub.playbacks, 0)
  const next = await ProtocolClient.resume(t, stage.port, client)
  const [resumed] = next.of('resumed')
  assert.deepEqual(
    ((resumed?.subs ?? []) as { sid: string }[]).map(({ sid }) => sid),
    [live]
  )
})
