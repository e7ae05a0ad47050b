import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { MemorySessions } from '../../lib/push/memory-sessions.ts'
import type { SessionStore } from '../../lib/push/session-store.ts'
import type { Quote } from '../../lib/quote/quote.ts'
import { ProtocolClient, type ServerFrame, type Subprotocol } from '../kit/protocol-client.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { keysOf, makeQuote, OPENING, RandomMarket, seededRandom } from './make-quotes.ts'
import { EPOCH, openPush, type Push } from './open-push.ts'

const [A = '', B = ''] = keysOf(2)
const KEYS = keysOf(20)

/** Two gateways of one stream that share the sessions of their clients. */
async function openTwo(
  t: TestContext,
  limits = {}
): Promise<{ first: Push; second: Push; feed: (quotes: readonly Quote[]) => void }> {
  const sessions = new MemorySessions(60_000, () => performance.now())
  const first = await openPush(t, { sessions, limits: { messagesPerSecond: 1_000, ...limits } })
  const second = await openPush(t, { sessions, limits: { messagesPerSecond: 1_000, ...limits } })
  const feed = (quotes: readonly Quote[]) => {
    first.feed(quotes)
    second.feed(quotes)
  }
  return { first, second, feed }
}

/** Ends a connection as a network does. */
async function cut({ socket }: ProtocolClient): Promise<void> {
  socket.terminate()
  await once(socket, 'close')
}

const trade = (key: string, at: number, last: string) => makeQuote(key, OPENING + at, { last, lastSize: '1' })
const resumed = (client: ProtocolClient) => client.of('resumed')[0] as ServerFrame
const faults = ({ losses, duplicates, regressions, strays }: ProtocolClient) => [
  losses,
  duplicates,
  regressions,
  strays
]

test('a client that comes back to another gateway gets one row for each symbol that moved, and goes on', async t => {
  const { first, second, feed } = await openTwo(t)
  feed([trade(A, 0, '1'), trade(B, 0, '5')])
  const before = await ProtocolClient.connect(t, first.port)
  const sid = await before.subscribe({ keys: [A, B] })
  await waitUntil('the snapshot came', () => before.board(sid).rows.size === 2)
  await cut(before)
  feed([trade(A, 1, '2'), trade(A, 2, '3')])

  const client = await ProtocolClient.resume(t, second.port, before)
  const { recovered, replayed, subs } = resumed(client)
  assert.deepEqual([recovered, replayed], [true, 1])
  assert.equal((subs as { sid: string }[])[0]?.sid, sid)
  await waitUntil('the row came', () => client.rows === 1)
  const row = client.board(sid).rows.get(A)
  assert.deepEqual([row?.last, row?.p, row?.n], ['3', 4096, 2])
  feed([trade(B, 3, '6')])
  await waitUntil('the next row came', () => client.rows === 2)
  assert.equal(client.board(sid).rows.get(B)?.last, '6')
  assert.deepEqual(faults(client), [0, 0, 0, 0])
  assert.equal(client.of('snapshot').length, 0)
})

test('a client that wants all updates gets each as it was then', async t => {
  const { first, second, feed } = await openTwo(t)
  feed([trade(A, 0, '1')])
  const before = await ProtocolClient.connect(t, first.port)
  const sid = await before.subscribe({ keys: [A], mode: 'all', fields: ['last', 'bid'] })
  await waitUntil('the snapshot came', () => before.of('snapshot').length === 1)
  await cut(before)
  const book = { channel: '@book', bid: '9', bidSize: '1', ask: null, askSize: null }
  feed([trade(A, 1, '2'), makeQuote(A, OPENING + 2, book), trade(A, 3, '4')])
  feed([makeQuote(A, OPENING + 4, { ...book, bid: '10' })])

  const client = await ProtocolClient.resume(t, second.port, before)
  assert.deepEqual([resumed(client).recovered, resumed(client).replayed], [true, 4])
  await waitUntil('the rows came', () => client.rows === 4)
  const rows = client.of('quotes').flatMap(({ data }) => data as { last: string; bid?: string; n: number }[])
  assert.deepEqual(
    rows.map(({ last, bid, n }) => [last, bid, n]),
    [['2', undefined, 1], ['4', '9', 1].with(0, '2'), ['4', '9', 1], ['4', '10', 1]]
  )
  assert.deepEqual(faults(client), [0, 0, 0, 0])
  assert.equal(client.board(sid).merged.get(A), 4)
})

test('a subscription may begin from a position instead of a snapshot', async t => {
  const push = await openPush(t)
  push.feed([trade(A, 0, '1')])
  push.feed([trade(A, 1, '2')])
  const client = await ProtocolClient.connect(t, push.port)
  const since = { epoch: EPOCH, q: 4096, policy: 'replay' }
  const answer = await client.request({ type: 'subscribe', subs: [{ keys: [A], since }] })
  const [sub] = answer.subs as { recovered: boolean; replayed: number }[]
  assert.deepEqual([sub?.recovered, sub?.replayed], [true, 1])
  await waitUntil('the row came', () => client.rows === 1)
  assert.equal(client.of('snapshot').length, 0)
})

const FAILURES: {
  title: string
  reason: string
  limits?: object
  change?: (pos: { epoch: string; q: number }) => object
  policy?: string
}[] = [
  { title: 'of another epoch', reason: 'epoch_changed', change: pos => ({ ...pos, epoch: 'E0' }) },
  { title: 'from before what is kept', reason: 'too_old', limits: { replayUpdates: 2 } },
  { title: 'with more rows than is sensible', reason: 'too_many', limits: { replayRows: 2 } },
  { title: 'by a client that wants the latest only', reason: 'policy_latest', policy: 'latest' }
]
for (const {
  title,
  reason,
  limits,
  change = (pos: { epoch: string; q: number }) => pos,
  policy = 'replay'
} of FAILURES) {
  test(`a resumption ${title} is answered with a snapshot, and says why`, async t => {
    const { first, second, feed } = await openTwo(t, limits)
    feed([trade(A, 0, '1')])
    const before = await ProtocolClient.connect(t, first.port)
    const sid = await before.subscribe({ keys: KEYS.slice(0, 1), patterns: ['demo:*:*'] })
    await waitUntil('the snapshot came', () => before.of('snapshot').length === 1)
    await cut(before)
    feed(KEYS.map((key, index) => trade(key, index + 1, '2')))
    Object.assign(before.board(sid), change(before.board(sid)))
    const client = await ProtocolClient.resume(t, second.port, before, policy)
    assert.deepEqual([resumed(client).recovered, resumed(client).reason], [false, reason])
    await waitUntil('the snapshot came', () => client.of('snapshot').length === 1)
    assert.equal(client.board(sid).rows.size, KEYS.length)
  })
}

test('a session is resumed once, with its own token, and before anything is subscribed', async t => {
  const { first, second, feed } = await openTwo(t)
  feed([trade(A, 0, '1')])
  const before = await ProtocolClient.connect(t, first.port)
  await before.subscribe({ keys: [A] })
  const { session, resumeToken, epoch } = before.welcome
  const thief = await ProtocolClient.connect(t, second.port)
  const message = { type: 'resume', session, resumeToken, epoch, pos: [] }
  const denied = await thief.request({ ...message, resumeToken: `${resumeToken}x` })
  assert.deepEqual([denied.recovered, denied.reason], [false, 'unknown_session'])
  const client = await ProtocolClient.connect(t, second.port)
  const taken = await client.request(message)
  assert.deepEqual([taken.recovered, taken.reason], [false, 'no_position'])
  const again = await thief.request(message)
  assert.equal(again.reason, 'unknown_session')
  await thief.subscribe({ keys: [A] })
  assert.equal((await thief.request(message)).code, 440)
})

test('a gateway that is behind the one before is waited for, so that no row comes twice', async t => {
  const sessions = new MemorySessions(60_000, () => performance.now())
  const ahead = await openPush(t, { sessions })
  const behind = await openPush(t, { sessions })
  const batches = [[trade(A, 0, '1')], [trade(A, 1, '2')], [trade(A, 2, '3')]]
  for (const batch of batches) ahead.feed(batch)
  behind.feed(batches[0] ?? [])
  const before = await ProtocolClient.connect(t, ahead.port)
  const sid = await before.subscribe({ keys: [A] })
  await waitUntil('the snapshot came', () => before.of('snapshot').length === 1)
  await cut(before)
  const resuming = ProtocolClient.resume(t, behind.port, before)
  await waitUntil('it was asked', () => behind.hub.counters.messages === 1)
  behind.feed(batches[1] ?? [])
  behind.feed(batches[2] ?? [])
  const client = await resuming
  assert.deepEqual([resumed(client).recovered, resumed(client).replayed], [true, 0])
  behind.feed([trade(A, 3, '4')])
  await waitUntil('the next row came', () => client.rows === 1)
  assert.equal(client.board(sid).rows.get(A)?.last, '4')
  assert.deepEqual(faults(client), [0, 0, 0, 0])
})

test('a drained gateway says when to come back, serves until then, takes nobody new, and its clients lose nothing', async t => {
  const { first, second, feed } = await openTwo(t)
  feed([trade(A, 0, '1')])
  const clients = await Promise.all(Array.from({ length: 20 }, () => ProtocolClient.connect(t, first.port)))
  const [sid = ''] = await Promise.all(clients.map(client => client.subscribe({ patterns: ['demo:*:*'] })))
  first.hub.drain(300)
  await waitUntil('all were told', () => clients.every(client => client.of('bye').length === 1))
  const byes = clients.map(client => client.of('bye')[0] as ServerFrame)
  for (const { close, inMs, reconnectAfterMs, resume } of byes) {
    assert.deepEqual([close, inMs, resume], [4200, 300, true])
    assert.ok(Number(reconnectAfterMs) <= 300)
  }
  assert.ok(new Set(byes.map(({ reconnectAfterMs }) => reconnectAfterMs)).size > 10, 'times of their own')
  feed([trade(A, 1, '2')])
  await waitUntil('they are still served', () => clients.every(client => client.rows === 1))
  await assert.rejects(ProtocolClient.connect(t, first.port))
  await waitUntil('all were closed', () => clients.every(({ closed }) => closed?.code === 4200))
  feed([trade(A, 2, '3')])
  const moved = await Promise.all(clients.map(client => ProtocolClient.resume(t, second.port, client)))
  await waitUntil('all have the last row', () => moved.every(client => client.board(sid).rows.get(A)?.last === '3'))
  for (const client of moved) {
    assert.equal(resumed(client).recovered, true)
    assert.deepEqual(faults(client), [0, 0, 0, 0])
  }
})

for (const seed of [1, 2, 3, 4]) {
  test(`clients that are cut off at random and resume on either gateway, in either encoding, lose nothing and get nothing twice (seed ${seed})`, async t => {
    const random = seededRandom(seed)
    const below = (n: number) => Math.floor(random() * n)
    const { first, second, feed } = await openTwo(t)
    const market = new RandomMarket(KEYS, random)
    feed(KEYS.map((key, index) => trade(key, index - 1_000, '1')))
    feed(market.batch(50))
    const subscriptions = [
      { patterns: ['demo:*:*'] },
      { patterns: ['demo:*:*'], mode: 'all', rows: true },
      { keys: KEYS.slice(0, 5), intervalMs: 20, rows: true },
      { keys: KEYS.slice(3, 9), fields: ['bid', 'ask'], intervalMs: 10 },
      { patterns: ['demo:*:*'], fields: ['last'], mode: 'all' }
    ]
    const clients = await Promise.all(
      subscriptions.map(async subscription => {
        const client = await ProtocolClient.connect(t, first.port)
        const sid = await client.subscribe(subscription)
        await waitUntil('the snapshot came', () => client.of('snapshot').length === 1)
        return { sid, client, resumes: 0 }
      })
    )
    for (let step = 0; step < 60; step++) {
      feed(market.batch(1 + below(30)))
      if (random() < 0.5) await new Promise(setImmediate)
      const one = clients[below(clients.length)]!
      if (random() < 0.5) {
        await cut(one.client)
        feed(market.batch(below(40)))
        const port = random() < 0.5 ? first.port : second.port
        const subprotocol = random() < 0.5 ? 'quotes.v1.json' : 'quotes.v1.msgpack'
        one.client = await ProtocolClient.resume(t, port, one.client, 'replay', subprotocol)
        one.sid = [...one.client.boards.keys()][0] ?? ''
        one.resumes++
        assert.equal(resumed(one.client).recovered, true)
      }
    }
    for (const { sid, client } of clients) {
      const at = first.hub.board.position
      await waitUntil('all is there', () => client.board(sid).q >= at)
      assert.deepEqual(faults(client), [0, 0, 0, 0])
    }
    const resumes = clients.reduce((sum, one) => sum + one.resumes, 0)
    assert.ok(resumes > 10)
    const everything = [...first.hub.board.entries.keys()]
    for (const [index, { sid, client }] of clients.entries()) {
      const subprotocol = client.socket.protocol as Subprotocol
      const fresh = await ProtocolClient.connect(t, second.port, subprotocol)
      const same = await fresh.subscribe({ ...subscriptions[index] })
      assert.equal(same, sid)
      await waitUntil('the snapshot came', () => fresh.of('snapshot').length === 1)
      const bare = (board: ProtocolClient) =>
        everything.map(key => {
          const { q: _q, p: _p, n: _n, ...values } = board.board(sid).rows.get(key) ?? { q: 0 }
          return values
        })
      assert.deepEqual(bare(client), bare(fresh))
    }
    t.diagnostic(
      `${resumes} resumptions, ${first.hub.counters.resumesRecovered + second.hub.counters.resumesRecovered} recovered`
    )
  })
}

test('a resume that is refused for a moment may be tried again', async t => {
  const { first, second, feed } = await openTwo(t)
  feed([trade(A, 0, '1')])
  const before = await ProtocolClient.connect(t, first.port)
  const sid = await before.subscribe({ keys: [A] })
  await waitUntil('the snapshot came', () => before.of('snapshot').length === 1)
  await cut(before)
  const { session, resumeToken } = before.welcome
  const pos = [{ sid, q: before.board(sid).q }]
  const client = await ProtocolClient.connect(t, second.port)
  // As while the board is loaded anew, behind the moment at which it was asked.
  const asked = client.request({ type: 'resume', session, resumeToken, epoch: EPOCH, pos: [{ sid, q: 9 * 4096 }] })
  await waitUntil('it waits for the position', () => second.hub.counters.messages === 1)
  second.hub.pause()
  assert.equal((await asked).code, 503)
  second.hub.restart()
  const answer = await client.request({ type: 'resume', session, resumeToken, epoch: EPOCH, pos })
  assert.deepEqual([answer.recovered, answer.replayed], [true, 0])
})

test('what one message has replayed is bounded, however many subscriptions it names', async t => {
  const push = await openPush(t, { limits: { replayRows: 10 } })
  push.feed([trade(A, 0, '1')])
  push.feed(Array.from({ length: 8 }, (_, n) => trade(A, n + 1, String(n))))
  const client = await ProtocolClient.connect(t, push.port)
  const since = { epoch: EPOCH, q: 4096 }
  const subs = [1, 2, 3].map(intervalMs => ({ keys: [A], mode: 'all', intervalMs, since }))
  const answer = await client.request({ type: 'subscribe', subs })
  assert.deepEqual(
    (answer.subs as { recovered: boolean; reason?: string }[]).map(({ recovered, reason }) => [recovered, reason]),
    [
      [true, undefined],
      [false, 'too_many'],
      [false, 'too_many']
    ]
  )
})

test('a gateway that stays behind the client says so and begins with a snapshot', async t => {
  const push = await openPush(t)
  push.feed([trade(A, 0, '1')])
  const client = await ProtocolClient.connect(t, push.port)
  const since = { epoch: EPOCH, q: 9 * 4096 }
  const answer = await client.request({ type: 'subscribe', subs: [{ keys: [A], since }] })
  const [sub] = answer.subs as { recovered: boolean; reason: string }[]
  assert.deepEqual([sub?.recovered, sub?.reason], [false, 'gateway_behind'])
  await waitUntil('the snapshot came', () => client.of('snapshot').length === 1)
})

test('a subscription of which less is left is told with its old sid, and what is gone', async t => {
  const { first, second } = await openTwo(t)
  first.feed([trade(A, 0, '1'), trade(B, 0, '1')])
  second.feed([trade(A, 0, '1')])
  const before = await ProtocolClient.connect(t, first.port)
  const sid = await before.subscribe({ keys: [A, B] })
  await waitUntil('the snapshot came', () => before.of('snapshot').length === 1)
  await cut(before)
  const client = await ProtocolClient.resume(t, second.port, before)
  const { recovered, reason, subs, rejected } = resumed(client)
  assert.deepEqual([recovered, reason], [false, 'rights_changed'])
  assert.deepEqual(rejected, [{ key: B, code: 404, message: 'unknown instrument' }])
  assert.equal((subs as { from: string }[])[0]?.from, sid)
  await waitUntil('the snapshot came', () => client.of('snapshot').length === 1)
})

test('a client that was left out of ticks is not brought up to date while the board is loaded', async t => {
  const push = await openPush(t, { limits: { softBytes: 1_000, heartbeatMs: 40 } })
  push.feed([trade(A, 0, '1')])
  const client = await ProtocolClient.connect(t, push.port)
  const witness = await ProtocolClient.connect(t, push.port)
  const sid = await client.subscribe({ keys: [A] })
  await waitUntil('the snapshot came', () => client.of('snapshot').length === 1)
  push.connections[0]?.cork()
  for (let n = 1; push.hub.counters.ticksSkipped === 0; n++) {
    push.feed([trade(A, n, String(n))])
    await new Promise(setImmediate)
  }
  const held = push.hub.board.position
  push.hub.pause()
  push.hub.board.restart(EPOCH, 100 * held)
  push.connections[0]?.uncork()
  await waitUntil('the connection has drained', () => push.connections[0]?.writableLength === 0)
  const heard = witness.of('hb').length
  await waitUntil('all connections were looked at', () => witness.of('hb').length > heard + 3)
  assert.ok(client.board(sid).q <= held, 'no position is claimed that was not delivered')
  push.hub.restart()
  await waitUntil('the snapshot came', () => client.of('snapshot').length === 2)
})

test('a session that could not be saved is saved when the store is back', async t => {
  const store = new MemorySessions(60_000, () => performance.now())
  let isAway = true
  const sessions: SessionStore = {
    save: async session => (isAway ? Promise.reject(new Error('away')) : store.save(session)),
    touch: async ids => (isAway ? Promise.reject(new Error('away')) : store.touch(ids)),
    take: (id, hash) => store.take(id, hash),
    close: () => store.close()
  }
  const push = await openPush(t, { sessions, limits: { resumeWindowMs: 100 } })
  push.feed([trade(A, 0, '1')])
  const before = await ProtocolClient.connect(t, push.port)
  await before.subscribe({ keys: [A] })
  await waitUntil('it failed', () => push.hub.counters.sessionsUnsaved > 1)
  isAway = false
  const { id, tokenHash } = {
    id: String(before.welcome.session),
    tokenHash: hash('sha256', String(before.welcome.resumeToken), 'base64url')
  }
  let saved: unknown
  await waitUntil('it is there', async () => {
    saved ??= await store.take(id, tokenHash)
    return saved !== undefined
  })
})
