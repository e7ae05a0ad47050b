import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProtocolClient } from '../kit/protocol-client.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { keysOf, makeQuote, OPENING } from './make-quotes.ts'
import { EPOCH, openPush } from './open-push.ts'

const [A = '', B = '', C = ''] = keysOf(3)

test('a client is welcomed, subscribes, gets the snapshot and then every change', async t => {
  const push = await openPush(t)
  push.feed([makeQuote(A, OPENING, { last: '50000.12', lastSize: '1' })])
  const client = await ProtocolClient.connect(t, push.port)
  const [welcome] = client.frames
  assert.equal(welcome?.type, 'welcome')
  assert.equal(welcome?.epoch, EPOCH)
  assert.equal(welcome?.auth, 'none')
  assert.equal(client.socket.protocol, 'quotes.v1.json')

  const answer = await client.request({
    type: 'subscribe',
    subs: [{ keys: [A, 'nope:spot:X'], patterns: ['demo:*:*'] }]
  })
  assert.deepEqual(answer.rejected, [{ key: 'nope:spot:X', code: 404, message: 'unknown instrument' }])
  const [sub] = answer.subs as { sid: string; matched: number; keys: number; patterns: number; q: number }[]
  assert.equal(sub?.matched, 1)
  assert.equal(sub?.keys, 1)
  assert.equal(sub?.q, 4096)
  const sid = sub!.sid
  await waitUntil('the snapshot came', () => client.of('snapshot').length === 1)
  assert.deepEqual(client.of('snapshot')[0], {
    type: 'snapshot',
    sid,
    epoch: EPOCH,
    q: 4096,
    final: true,
    data: [
      {
        key: A,
        q: 4096,
        last: '50000.12',
        lastSize: '1',
        status: 'trading',
        exchangeTime: OPENING - 20_000,
        receivedTime: OPENING
      }
    ]
  })

  push.feed([
    makeQuote(A, OPENING + 1, { last: '50001', lastSize: '2' }),
    makeQuote(A, OPENING + 2, { last: '50002', lastSize: null }),
    makeQuote(B, OPENING + 2, { channel: '@book', bid: '0', bidSize: '1', ask: null, askSize: null })
  ])
  await waitUntil('the rows came', () => client.rows === 2)
  const [quotes] = client.of('quotes')
  assert.equal(quotes?.q, 8194)
  assert.deepEqual((quotes?.data as unknown[] | undefined)?.[0], {
    key: A,
    q: 8193,
    p: 4096,
    n: 2,
    last: '50002',
    lastSize: null,
    status: 'trading',
    exchangeTime: OPENING + 2 - 20_000,
    receivedTime: OPENING + 2
  })
  const row = client.board(sid).rows.get(B)
  assert.deepEqual([row?.p, row?.n, row?.bid, row?.ask, row?.last], [0, 1, '0', null, undefined])
  assert.equal(client.losses + client.duplicates + client.regressions + client.strays, 0)
})

test('a subscription to some fields hears only of updates that touch them', async t => {
  const push = await openPush(t)
  push.feed([makeQuote(A, OPENING, { last: '1', lastSize: '1' })])
  const client = await ProtocolClient.connect(t, push.port)
  const sid = await client.subscribe({ keys: [A], fields: ['bid', 'ask'] })
  push.feed([makeQuote(A, OPENING + 1, { last: '2', lastSize: '1' })])
  push.feed([makeQuote(A, OPENING + 2, { channel: '@book', bid: '3', bidSize: '1', ask: '4', askSize: '1' })])
  await waitUntil('a row came', () => client.rows === 1)
  assert.deepEqual(client.board(sid).rows.get(A), {
    key: A,
    q: 3 * 4096,
    // No update of these fields came before.
    p: 0,
    n: 1,
    bid: '3',
    ask: '4',
    exchangeTime: OPENING + 2 - 20_000,
    receivedTime: OPENING + 2
  })
  assert.equal(client.losses, 0)
})

test('a new instrument without the subscribed value, but with a status, is a row and not broken JSON', async t => {
  const push = await openPush(t)
  const client = await ProtocolClient.connect(t, push.port)
  const sid = await client.subscribe({ patterns: ['*:*:*'], fields: ['last', 'status'] })
  push.feed([makeQuote(A, OPENING, { channel: '@book', bid: '3', bidSize: '1', ask: '4', askSize: '1' })])
  await waitUntil('a row came', () => client.rows === 1)
  const times = { exchangeTime: OPENING - 20_000, receivedTime: OPENING }
  assert.deepEqual(client.board(sid).rows.get(A), { key: A, q: 4096, p: 0, n: 1, status: 'trading', ...times })
})

test('what was rendered for a subscription that has ended is not kept', async t => {
  const push = await openPush(t)
  push.feed([makeQuote(A, OPENING, { last: '1', lastSize: null })])
  const client = await ProtocolClient.connect(t, push.port)
  for (const fields of [['last'], ['lastSize'], ['last', 'lastSize']]) {
    const sid = await client.subscribe({ keys: [A], fields })
    assert.equal(push.hub.board.entries.get(A)?.rendered.size, 1)
    await client.request({ type: 'unsubscribe', sids: [sid] })
  }
  assert.equal(push.hub.board.entries.get(A)?.rendered.size, 0)
})

test('an instrument that appears later joins the patterns that meet it, with p 0', async t => {
  const push = await openPush(t)
  const client = await ProtocolClient.connect(t, push.port)
  const all = await client.subscribe({ patterns: ['*:*:*'] })
  const others = await client.subscribe({ patterns: ['other:*:*'] })
  push.feed([makeQuote(C, OPENING, { last: '7', lastSize: null })])
  await waitUntil('the row came', () => client.board(all).rows.has(C))
  assert.equal(client.board(all).rows.get(C)?.p, 0)
  assert.equal(client.board(others).rows.size, 0)
})

test('the sid of a subscription is the same whatever the order of its parts, and differs with the interval', async t => {
  const push = await openPush(t, { isKnown: () => true })
  const client = await ProtocolClient.connect(t, push.port)
  const one = await client.subscribe({ keys: [B, A, A], fields: ['ask', 'bid'], intervalMs: 100 })
  const two = await client.subscribe({ keys: [A, B], fields: ['bid', 'ask', 'receivedTime'], intervalMs: 100 })
  const three = await client.subscribe({ keys: [A, B], fields: ['bid', 'ask'], intervalMs: 200 })
  assert.equal(one, two)
  assert.notEqual(one, three)
  assert.equal(push.hub.groups, 2)
})

test('mode all sends every update in order, mode latest only snapshots', async t => {
  const push = await openPush(t)
  push.feed([makeQuote(A, OPENING, { last: '0', lastSize: null })])
  const client = await ProtocolClient.connect(t, push.port)
  const all = await client.subscribe({ keys: [A], mode: 'all', fields: ['last'] })
  const latest = await client.subscribe({ keys: [A], mode: 'latest', fields: ['last'] })
  push.feed([1, 2, 3].map(i => makeQuote(A, OPENING + i, { last: String(i), lastSize: null })))
  await waitUntil('three rows came', () => client.rows === 3)
  const rows = client.of('quotes').flatMap(frame => frame.data as { last: string; n: number }[])
  assert.deepEqual(
    rows.map(({ last, n }) => [last, n]),
    [
      ['1', 1],
      ['2', 1],
      ['3', 1]
    ]
  )
  assert.equal(client.board(all).rows.get(A)?.last, '3')
  assert.equal(client.board(latest).rows.get(A)?.last, '0')
  await client.request({ type: 'resync', sids: [latest] })
  await waitUntil('the next snapshot came', () => client.board(latest).rows.get(A)?.last === '3')
  assert.equal(client.losses + client.duplicates + client.regressions, 0)
})

test('update moves a subscription to another group and begins it with a snapshot; list and unsubscribe tell what is live', async t => {
  const push = await openPush(t)
  push.feed([makeQuote(A, OPENING, { last: '1', lastSize: null })])
  const client = await ProtocolClient.connect(t, push.port)
  const sid = await client.subscribe({ keys: [A], intervalMs: 5000 })
  push.feed([makeQuote(A, OPENING + 1, { last: '2', lastSize: null })])
  const updated = await client.request({ type: 'update', sid, intervalMs: 0 })
  const next = (updated.sub as { sid: string }).sid
  assert.notEqual(next, sid)
  await waitUntil('the snapshot came', () => client.board(next).rows.get(A)?.last === '2')
  const list = await client.request({ type: 'list' })
  assert.deepEqual(
    (list.subs as { sid: string }[]).map(sub => sub.sid),
    [next]
  )
  await client.request({ type: 'unsubscribe', sids: [next] })
  assert.equal(push.hub.groups, 0)
  push.feed([makeQuote(A, OPENING + 2, { last: '3', lastSize: null })])
  assert.deepEqual((await client.request({ type: 'list' })).subs, [])
  assert.equal(client.rows, 0)
})

test('a snapshot larger than a page comes in frames of which only the last is final', async t => {
  const push = await openPush(t, { limits: { snapshotRows: 4 } })
  push.feed(keysOf(10).map((key, i) => makeQuote(key, OPENING + i, { last: '1', lastSize: null })))
  const client = await ProtocolClient.connect(t, push.port)
  const sid = await client.subscribe({ patterns: ['*:*:*'] })
  await waitUntil('the board is full', () => client.board(sid).rows.size === 10)
  assert.deepEqual(
    client.of('snapshot').map(({ final, data }) => [final, (data as unknown[]).length]),
    [
      [false, 4],
      [false, 4],
      [true, 2]
    ]
  )
})

test('heartbeats carry the safe position while nothing else is sent', async t => {
  const push = await openPush(t, { limits: { heartbeatMs: 40 } })
  const client = await ProtocolClient.connect(t, push.port)
  const sid = await client.subscribe({ patterns: ['other:*:*'] })
  push.feed([makeQuote(A, OPENING, { last: '1', lastSize: null })])
  await waitUntil('a heartbeat told the position', () => client.board(sid).q === 4096)
})

test('a key that nobody polls is asked for, an unknown one is not', async t => {
  const asked: string[] = []
  const push = await openPush(t, { isKnown: key => key === B, onWanted: key => asked.push(key) })
  push.feed([makeQuote(A, OPENING, { last: '1', lastSize: null })])
  const client = await ProtocolClient.connect(t, push.port)
  await client.request({ type: 'subscribe', subs: [{ keys: [A, B, C] }] })
  assert.deepEqual(asked, [B])
})

test('a new epoch begins with a snapshot, and rows begin with p 0', async t => {
  const push = await openPush(t)
  push.feed([makeQuote(A, OPENING, { last: '1', lastSize: null })])
  const client = await ProtocolClient.connect(t, push.port)
  const sid = await client.subscribe({ keys: [A] })
  await waitUntil('the snapshot came', () => client.board(sid).rows.size === 1)
  push.hub.pause()
  const refused = await client.request({ type: 'subscribe', subs: [{ keys: [A] }] })
  assert.deepEqual([refused.code, refused.name, refused.retry], [503, 'not_ready', true])
  push.hub.board.restart('E2', 0)
  push.hub.restart()
  await waitUntil('the new epoch came', () => client.board(sid).epoch === 'E2')
  assert.equal(client.board(sid).rows.get(A)?.q, 0)
  push.hub.apply([{ quote: makeQuote(A, OPENING + 1, { last: '2', lastSize: null }), epoch: 'E2', q: 4096 }])
  await waitUntil('the row came', () => client.rows === 1)
  const row = client.board(sid).rows.get(A)
  assert.deepEqual([row?.p, row?.q, row?.last], [0, 4096, '2'])
  assert.equal(client.losses + client.duplicates + client.regressions, 0)
})

test('the state of a source reaches clients that are there and clients that come while it lasts', async t => {
  const push = await openPush(t)
  const before = await ProtocolClient.connect(t, push.port)
  push.hub.sendStatus({ scope: 'source', id: 'demo', state: 'down', since: OPENING, reason: 'gone' })
  await waitUntil('it was told', () => before.of('status').length === 1)
  const during = await ProtocolClient.connect(t, push.port)
  await waitUntil('it was told on arrival', () => during.of('status').length === 1)
  assert.deepEqual(during.of('status')[0], {
    type: 'status',
    scope: 'source',
    id: 'demo',
    state: 'down',
    since: OPENING
  })
  push.hub.sendStatus({ scope: 'source', id: 'demo', state: 'ok', since: OPENING, reason: null })
  assert.deepEqual(push.hub.statuses, [])
})
