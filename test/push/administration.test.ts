import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { PushLimits } from '../../lib/push/limits.ts'
import { LimitError } from '../../lib/push/live-limits.ts'
import { makeAccess, makeKeyEntry, makePlan, NOW_S } from '../access/make-access.ts'
import { ProtocolClient } from '../kit/protocol-client.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { keysOf, makeQuote, OPENING } from './make-quotes.ts'
import { ManualClock } from './manual-clock.ts'
import { openPush } from './open-push.ts'

const [A = '', B = '', C = ''] = keysOf(3)
const ALL = { limit: 500 }

async function openAdministered(t: TestContext, limits: Partial<PushLimits> = {}) {
  const clock = new ManualClock(NOW_S * 1e6)
  const visitor = makePlan('visitor', ['*:*:*'])
  const pro = makePlan('pro', ['demo:*:*'], { symbols: 50 })
  const keys = ['ann', 'bob'].map(user => makeKeyEntry(user, pro))
  const access = makeAccess({ anonymous: visitor, apiKeys: keys.map(({ entry }) => entry) }, clock.nowMicros)
  const push = await openPush(t, { clock, access, isKnown: () => true, limits: { pingMs: 1e9, ...limits } })
  push.feed([A, B, C].map((key, i) => makeQuote(key, OPENING + i, { last: String(i), lastSize: null })))
  const { administration } = push.hub
  const [annKey = '', bobKey = ''] = keys.map(({ key }) => key)
  const connect = async (key?: string): Promise<ProtocolClient> => {
    const client = await ProtocolClient.connect(t, push.port)
    if (key !== undefined) assert.equal((await client.request({ type: 'auth', key })).type, 'ok')
    return client
  }
  return { ...push, clock, administration, connect, annKey, bobKey, secrets: [annKey, bobKey] }
}

const idOf = (client: ProtocolClient): string => String(client.welcome.session)

test('sessions are listed in the order of their coming, with who they are and what they have', async t => {
  const { administration, connect, annKey } = await openAdministered(t)
  const first = await connect(annKey)
  const second = await connect()
  const sid = await first.subscribe({ keys: [A, B] })
  const { sessions, total, matched, next } = administration.list(ALL)
  assert.deepEqual([total, matched, next], [2, 2, null])
  assert.deepEqual(sessions[0], {
    id: idOf(first),
    serial: 1,
    user: 'ann',
    plan: 'pro',
    address: '127.0.0.1',
    transport: 'websocket',
    connectedAt: NOW_S * 1e6,
    subscriptions: 1,
    symbols: 2,
    messages: 2,
    unsentBytes: 0,
    skippedTicks: 0,
    isBehind: false,
    lagMs: null
  })
  assert.deepEqual([sessions[1]?.id, sessions[1]?.user, sessions[1]?.plan], [idOf(second), null, 'visitor'])
  for (const [filter, expected] of [
    [{ user: 'ann' }, [1]],
    [{ plan: 'visitor' }, [2]],
    [{ sid }, [1]],
    [{ address: '127.0.0.1' }, [1, 2]],
    [{ address: '127.0.0.1', user: 'bob' }, []]
  ] as const) {
    const page = administration.list({ ...filter, ...ALL })
    assert.deepEqual(
      page.sessions.map(({ serial }) => serial),
      expected
    )
    assert.equal(page.matched, expected.length)
  }
})

test('pages of sessions follow each other without a gap, also when one has gone meanwhile', async t => {
  const { hub, administration, connect } = await openAdministered(t)
  const clients = await Promise.all([1, 2, 3, 4, 5].map(() => connect()))
  const page = administration.list({ limit: 2 })
  assert.deepEqual([page.sessions.map(({ serial }) => serial), page.next, page.matched], [[1, 2], 2, 5])
  for (const client of clients) if (idOf(client) === page.sessions[1]?.id) client.socket.terminate()
  await waitUntil('it has gone', () => hub.sessions === 4)
  const second = administration.list({ limit: 2, after: page.next ?? -1 })
  assert.deepEqual([second.sessions.map(({ serial }) => serial), second.next], [[3, 4], 4])
  const last = administration.list({ limit: 2, after: second.next ?? -1 })
  assert.deepEqual([last.sessions.map(({ serial }) => serial), last.next], [[5], null])
})

test('one session shows its subscriptions, positions and rights, and nothing that is secret', async t => {
  const { administration, connect, annKey, hub } = await openAdministered(t)
  const client = await connect(annKey)
  const keys = keysOf(30)
  const sid = await client.subscribe({ keys, patterns: ['demo:perp:*'], fields: ['last'], intervalMs: 50, mode: 'all' })
  const details = administration.inspect(idOf(client))
  assert.equal(details?.q, hub.board.position)
  assert.equal(details?.rights.limits.symbols, 50)
  assert.deepEqual([details?.rights.patterns, details?.rights.expiresAt], [['demo:*:*'], null])
  const [sub] = details?.subs ?? []
  assert.deepEqual(
    [sub?.sid, sub?.mode, sub?.intervalMs, sub?.fields],
    [sid, 'all', 50, ['last', 'exchangeTime', 'receivedTime']]
  )
  assert.deepEqual([sub?.patterns, sub?.firstPatterns, sub?.isBehind], [1, ['demo:perp:*'], false])
  assert.deepEqual([sub?.keys, sub?.firstKeys.length], [30, 20])
  const text = JSON.stringify([details, administration.list(ALL)])
  assert.ok(!text.includes(annKey.slice(3)) && !text.includes(String(client.welcome.resumeToken)))
  assert.equal(administration.inspect('s_nobody'), undefined)
})

test('a client that does not read shows what is unsent, and the ticks that it was left out of', async t => {
  const { administration, connect, feed, clock, connections } = await openAdministered(t, { softBytes: 1024 })
  const client = await connect()
  await client.subscribe({ keys: [A], mode: 'conflate' })
  const [connection] = connections
  assert.ok(connection !== undefined)
  connection.cork()
  for (let tick = 1; tick <= 20; tick++) {
    feed([makeQuote(A, OPENING + 10 + tick, { last: String(tick), lastSize: null })])
    clock.advance(10)
    // The tick comes at the end of the event loop's turn.
    await setImmediate()
  }
  const [slow] = administration.list(ALL).sessions
  assert.ok(slow?.isBehind === true && slow.skippedTicks > 0 && slow.unsentBytes > 0)
  assert.equal(administration.inspect(slow.id)?.subs[0]?.skippedTicks, slow.skippedTicks)
  connection.uncork()
  await waitUntil('it has all of it', () => {
    clock.advance(250)
    return client.rows > 0 && administration.list(ALL).sessions[0]?.isBehind === false
  })
  assert.equal(administration.list(ALL).sessions[0]?.skippedTicks, slow.skippedTicks)
})

test('the time of a ping and its pong is told', async t => {
  const { administration, connect, clock } = await openAdministered(t, { pingMs: 1000 })
  const client = await connect()
  let pings = 0
  client.socket.on('ping', () => pings++)
  const lag = () => administration.list(ALL).sessions[0]?.lagMs
  assert.equal(lag(), null)
  await waitUntil('a ping was answered', () => {
    if (pings === 0) clock.advance(250)
    return typeof lag() === 'number'
  })
  assert.ok((lag() ?? -1) >= 0)
})

test('who is kicked for good is told so, and only those who are meant are', async t => {
  const { hub, administration, connect, annKey, bobKey } = await openAdministered(t)
  const ann = [await connect(annKey), await connect(annKey)]
  const bob = await connect(bobKey)
  const nobody = await connect()
  await ann[0]?.subscribe({ keys: [A] })
  assert.deepEqual(administration.kick({ user: 'ann' }, false).sort(), ann.map(idOf).sort())
  await waitUntil('both are closed', () => ann.every(({ closed }) => closed !== null))
  for (const client of ann) {
    const [bye] = client.of('bye')
    assert.deepEqual([client.closed?.code, bye?.reason, bye?.resume], [4003, 'forbidden', false])
  }
  await waitUntil('they have gone', () => hub.sessions === 2)
  assert.deepEqual(administration.kick({ session: idOf(bob) }, true), [idOf(bob)])
  await waitUntil('bob is closed', () => bob.closed !== null)
  assert.deepEqual([bob.closed?.code, bob.of('bye')[0]?.reason], [4100, 'overloaded'])
  assert.deepEqual(administration.kick({ user: 'ann' }, false), [])
  assert.deepEqual([nobody.closed, hub.counters.closedKicked], [null, 3])
})

test('a limit that is changed holds for what is asked from then on, and nobody loses what they have', async t => {
  const { hub, administration, connect, annKey } = await openAdministered(t)
  const client = await connect()
  const logged = await connect(annKey)
  const sid = await client.subscribe({ keys: [A, B] })
  assert.deepEqual(administration.changeLimits({ symbols: 1, hardForMs: 10_000 }), [
    { limit: 'symbols', from: 20_000, to: 1 }
  ])
  assert.equal((await client.request({ type: 'subscribe', subs: [{ keys: [C] }] })).code, 405)
  assert.equal(client.board(sid).rows.size, 2)
  await logged.subscribe({ keys: [A, B, C] })
  const later = await connect()
  assert.equal((later.welcome.limits as { symbols: number }).symbols, 1)

  administration.changeLimits({ connections: 3, minIntervalMs: 500 })
  await assert.rejects(connect(), /503/)
  const { subs } = await logged.request({ type: 'subscribe', subs: [{ keys: [A], intervalMs: 0 }] })
  assert.equal((subs as { intervalMs: number }[])[0]?.intervalMs, 500)
  assert.equal(hub.limits.symbols, 1)
})

test('the rate of messages that is changed holds for connections that are open', async t => {
  const { administration, connect, clock } = await openAdministered(t)
  const client = await connect()
  administration.changeLimits({ messagesPerSecond: 1, messageBurst: 2 })
  const answers = []
  for (let i = 0; i < 3; i++) {
    client.socket.send(JSON.stringify({ type: 'list', id: i }))
    await waitUntil('it was answered', () => client.of('subscriptions').length + client.of('error').length > i)
    answers.push(client.frames.at(-1)?.type)
  }
  assert.deepEqual(answers, ['subscriptions', 'subscriptions', 'error'])
  clock.advance(1000)
  assert.equal((await client.request({ type: 'list' })).type, 'subscriptions')
})

test('a change that is not possible is refused as a whole, with what was expected and what came', async t => {
  const { administration } = await openAdministered(t)
  const before = administration.limits
  for (const [changes, limit] of [
    [{ symbols: 5, nonsense: 1 }, 'nonsense'],
    [{ symbols: 5, heartbeatMs: 10 }, 'heartbeatMs'],
    [{ symbols: '5' }, 'symbols'],
    [{ symbols: 1.5 }, 'symbols'],
    [{ symbols: -1 }, 'symbols'],
    [{ subscriptions: 0 }, 'subscriptions'],
    [{ __proto__: null, toString: 1 }, 'toString'],
    [{ softBytes: 2 * 1024 ** 2 }, 'softBytes'],
    [{ hardBytes: 1024 }, 'softBytes']
  ] as [Record<string, unknown>, string][])
    assert.throws(
      () => administration.changeLimits(changes),
      (error: unknown) =>
        error instanceof LimitError && error.limit === limit && /expected .*, got /.test(error.message),
      limit
    )
  assert.equal(administration.limits, before)
})

test('a gateway that is no longer drained takes clients again, and closes none of those that stayed', async t => {
  const { hub, connect, clock } = await openAdministered(t)
  const client = await connect()
  hub.drain(1000)
  await waitUntil('it was told', () => client.of('bye').length === 1)
  await assert.rejects(connect(), /503/)
  hub.undrain()
  clock.advance(2000)
  const other = await connect()
  assert.deepEqual([client.closed, other.closed, hub.isDraining], [null, null, false])
  hub.drain(1000)
  clock.advance(1000)
  await waitUntil('both are closed', () => client.closed?.code === 4200 && other.closed?.code === 4200)
})
