import assert from 'node:assert/strict'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { type TestContext, test } from 'node:test'
import { encode } from '@msgpack/msgpack'
import { WebSocket } from 'ws'
import { MemorySessions } from '../../lib/push/memory-sessions.ts'
import { VALUE_FIELDS } from '../../lib/quote/quote.ts'
import { cleanUp } from '../kit/clean-up.ts'
import { ProtocolClient, type ServerFrame, type Subprotocol } from '../kit/protocol-client.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { keysOf, makeQuote, OPENING } from './make-quotes.ts'
import { EPOCH, openPush, type Push } from './open-push.ts'

const [A = '', B = ''] = keysOf(2)
const SUBPROTOCOLS: readonly Subprotocol[] = ['quotes.v1.json', 'quotes.v1.msgpack']
const FIELDS = ['last', 'lastSize', 'bid', 'window', 'status']
const COLUMNS = ['key', 'q', 'p', 'n', ...FIELDS, 'exchangeTime', 'receivedTime']

const trade = (key: string, at: number, last: string) => makeQuote(key, OPENING + at, { last, lastSize: null })

interface Info {
  sid: string
  cols?: string[]
  from?: string
  recovered?: boolean
}
const infosOf = ({ sub, subs }: ServerFrame) => [sub ?? [], subs ?? []].flat() as Info[]

async function snapshotOf(t: TestContext, push: Push, subprotocol: Subprotocol, sub: object): Promise<ProtocolClient> {
  const client = await ProtocolClient.connect(t, push.port, subprotocol)
  await client.subscribe({ keys: [A], fields: FIELDS, ...sub })
  await waitUntil('the snapshot came', () => client.of('snapshot').length === 1)
  return client
}

for (const subprotocol of SUBPROTOCOLS) {
  test(`${subprotocol}: rows that are lists have every column; what no channel carries is an empty text, and null is null`, async t => {
    const push = await openPush(t)
    push.feed([trade(A, 0, '1')])
    const client = await snapshotOf(t, push, subprotocol, { rows: true })
    const [info] = infosOf(client.of('subscribed')[0]!)
    assert.deepEqual(info?.cols, COLUMNS)
    assert.equal(client.socket.protocol, subprotocol)
    const times = (at: number) => [OPENING + at - 20_000, OPENING + at]
    assert.deepEqual(client.of('snapshot')[0]?.data, [[A, 4096, 0, 0, '1', null, '', '', 'trading', ...times(0)]])
    push.feed([trade(A, 1, '2'), makeQuote(A, OPENING + 2, { channel: '@book', bid: null, ask: '1' })])
    await waitUntil('the row came', () => client.rows === 1)
    assert.deepEqual(client.of('quotes')[0]?.data, [[A, 8193, 4096, 2, '2', null, null, '', 'trading', ...times(2)]])
    assert.equal(client.strays, 0)
  })
}

test('every format shows the same row and has a sid of its own', async t => {
  const push = await openPush(t)
  push.feed([trade(A, 0, '1')])
  const boards = await Promise.all(
    SUBPROTOCOLS.flatMap(subprotocol =>
      [false, true].map(async rows => [...(await snapshotOf(t, push, subprotocol, { rows })).boards.entries()][0]!)
    )
  )
  assert.equal(new Set(boards.map(([sid]) => sid)).size, 4)
  for (const [, board] of boards) assert.deepEqual(board.rows, boards[0]?.[1].rows)
  assert.equal(push.hub.groups, 4)
})

test('a row of all fields and keys beyond ASCII are the same in every format', async t => {
  const key = 'demo:spot:ÄÖ€-𝄞'
  const push = await openPush(t)
  const stats = { open: '1', high: '2', low: '0', prevClose: null, volume: '12345678901234567890.5', turnover: null }
  const book = { bid: '1', bidSize: '2', ask: '3', askSize: '4' }
  push.feed([
    makeQuote(key, OPENING, { channel: 'all', last: '1', lastSize: '1', window: 'session', ...stats, ...book })
  ])
  const rows = await Promise.all(
    SUBPROTOCOLS.flatMap(subprotocol =>
      [false, true].map(async rows => {
        const client = await snapshotOf(t, push, subprotocol, { keys: [key], fields: VALUE_FIELDS, rows })
        return [...client.boards.values()][0]?.rows.get(key)
      })
    )
  )
  assert.equal(rows[0]?.volume, stats.volume)
  assert.equal(Object.keys(rows[0] ?? {}).length, 2 + VALUE_FIELDS.length + 2)
  for (const row of rows) assert.deepEqual(row, rows[0])
})

test('an update turns lists into objects and back, and list tells the columns', async t => {
  const push = await openPush(t)
  push.feed([trade(A, 0, '1')])
  const client = await snapshotOf(t, push, 'quotes.v1.msgpack', {})
  const sid = [...client.boards.keys()][0]
  const [lists] = infosOf(await client.request({ type: 'update', sid, rows: true, fields: ['bid'] }))
  assert.deepEqual(lists?.cols, ['key', 'q', 'p', 'n', 'bid', 'exchangeTime', 'receivedTime'])
  const [listed] = infosOf(await client.request({ type: 'list' }))
  assert.deepEqual([listed?.sid, listed?.cols], [lists?.sid, lists?.cols])
  const [objects] = infosOf(await client.request({ type: 'update', sid: lists?.sid, rows: false, fields: FIELDS }))
  assert.deepEqual([objects?.sid, objects?.cols], [sid, undefined])
  await waitUntil('three snapshots came', () => client.of('snapshot').length === 3)
  assert.equal(client.strays, 0)
})

test('mode latest and a position to go on from work with lists', async t => {
  const push = await openPush(t)
  push.feed([trade(A, 0, '1')])
  push.feed([trade(A, 1, '2')])
  const client = await ProtocolClient.connect(t, push.port, 'quotes.v1.msgpack')
  const since = { epoch: EPOCH, q: 4096, policy: 'replay' }
  const sid = await client.subscribe({ keys: [A], rows: true, mode: 'all', since })
  await waitUntil('the row came', () => client.rows === 1)
  const row = client.board(sid).rows.get(A)
  assert.deepEqual([row?.last, row?.p, row?.n], ['2', 4096, 1])
  const latest = await client.subscribe({ keys: [A], rows: true, mode: 'latest' })
  await waitUntil('the snapshot came', () => client.of('snapshot').length === 1)
  assert.equal(client.board(latest).rows.get(A)?.last, '2')
})

test('events carry lists where the request asks for them', async t => {
  const push = await openPush(t)
  push.feed([trade(A, 0, '1')])
  const headers = { accept: 'text/event-stream' }
  const ask = async (rows: string) => {
    const path = `/v1/stream?keys=${A}&fields=last&rows=${rows}`
    const request = get({ port: push.port, path, headers })
    cleanUp(t, () => request.destroy())
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    return response.on('error', () => {}).setEncoding('utf8')
  }
  const response = await ask('1')
  let text = ''
  response.on('data', chunk => {
    text += chunk
  })
  await waitUntil('the snapshot came', () => text.includes('event: snapshot'))
  assert.match(text, /"cols":\["key","q","p","n","last","exchangeTime","receivedTime"\]/)
  assert.ok(text.includes(`"data":[["${A}",4096,0,0,"1",`))
  assert.equal((await ask('maybe')).statusCode, 400)
})

for (const [from, to] of [SUBPROTOCOLS, SUBPROTOCOLS.toReversed()]) {
  test(`a session of ${from} goes on in ${to} from its positions, under new sids`, async t => {
    const sessions = new MemorySessions(60_000, () => performance.now())
    const push = await openPush(t, { sessions, limits: { messagesPerSecond: 1_000 } })
    push.feed([trade(A, 0, '1'), trade(B, 0, '1')])
    const before = await ProtocolClient.connect(t, push.port, from)
    const sids = [
      await before.subscribe({ keys: [A], rows: true }),
      await before.subscribe({ keys: [B], fields: ['last'] })
    ]
    await waitUntil('the snapshots came', () => before.of('snapshot').length === 2)
    before.socket.terminate()
    await once(before.socket, 'close')
    push.feed([trade(A, 1, '2'), trade(A, 2, '3'), trade(B, 2, '9')])

    const client = await ProtocolClient.resume(t, push.port, before, 'replay', to)
    const [resumed] = client.of('resumed')
    assert.deepEqual([resumed?.recovered, resumed?.replayed, resumed?.reason], [true, 2, undefined])
    const infos = infosOf(resumed!)
    assert.deepEqual(
      infos.map(info => [info.from, info.recovered]),
      sids.map(sid => [sid, true])
    )
    assert.deepEqual(
      infos.map(({ cols }) => cols !== undefined),
      [true, false]
    )
    assert.ok(infos.every(({ sid }) => !sids.includes(sid)))
    await waitUntil('the rows came', () => client.rows === 2)
    const row = client.board(infos[0]!.sid).rows.get(A)
    assert.deepEqual([row?.last, row?.p, row?.n], ['3', 4096, 2])
    assert.deepEqual([client.losses, client.duplicates, client.regressions, client.strays], [0, 0, 0, 0])

    // What was saved since is of the new connection.
    client.socket.terminate()
    await once(client.socket, 'close')
    const back = await ProtocolClient.resume(t, push.port, client, 'replay', to)
    assert.deepEqual(
      infosOf(back.of('resumed')[0]!).map(info => [info.sid, info.from]),
      infos.map(({ sid }) => [sid, undefined])
    )
  })
}

test('heartbeats and the states of sources reach clients of every format', async t => {
  const push = await openPush(t, { limits: { heartbeatMs: 20 } })
  push.feed([trade(A, 0, '1')])
  const clients = await Promise.all(SUBPROTOCOLS.map(subprotocol => snapshotOf(t, push, subprotocol, {})))
  push.hub.sendStatus({ scope: 'source', id: 'demo/stream', state: 'down', since: OPENING, reason: null })
  for (const client of clients) {
    await waitUntil('both came', () => client.of('hb').length > 0 && client.of('status').length === 1)
    assert.deepEqual(client.of('status')[0], {
      type: 'status',
      scope: 'source',
      id: 'demo/stream',
      state: 'down',
      since: OPENING
    })
    const [[sid, board] = ['', undefined]] = client.boards
    assert.deepEqual(client.of('hb').at(-1)?.pos, [{ sid, q: board?.q }])
    assert.equal(client.strays, 0)
  }
})

test('of several subprotocols the first that is known is taken, and without one it is JSON', async t => {
  const push = await openPush(t)
  const chosen = async (...offered: string[]) => {
    const socket = new WebSocket(`ws://127.0.0.1:${push.port}/v1/stream`, offered)
    cleanUp(t, () => socket.terminate())
    const [, isBinary] = await once(socket, 'message')
    return [socket.protocol, isBinary]
  }
  assert.deepEqual(await chosen('x', 'quotes.v1.msgpack', 'quotes.v1.json'), ['quotes.v1.msgpack', true])
  assert.deepEqual(await chosen('quotes.v1.json', 'quotes.v1.msgpack'), ['quotes.v1.json', false])
  assert.deepEqual(await chosen(), ['', false])
})

test('a MessagePack connection takes JSON in text frames too, and answers in MessagePack', async t => {
  const push = await openPush(t)
  const client = await ProtocolClient.connect(t, push.port, 'quotes.v1.msgpack')
  client.socket.send('{"type":"list","id":"t"}')
  client.socket.send(encode({ type: 'list', id: 2.5 }))
  client.socket.send('{')
  await waitUntil('all are answered', () => client.frames.length === 4)
  assert.deepEqual(
    client.frames.slice(1).map(({ type, id, code }) => [type, id, code]),
    [
      ['subscriptions', 't', undefined],
      ['subscriptions', 2.5, undefined],
      ['error', null, 400]
    ]
  )
  assert.equal(client.strays, 0)
})
