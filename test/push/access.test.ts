import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { type TestContext, test } from 'node:test'
import { WebSocket } from 'ws'
import { Access, type AccessConfig } from '../../lib/access/access.ts'
import { Hub } from '../../lib/push/hub.ts'
import type { PushLimits } from '../../lib/push/limits.ts'
import { PushServer } from '../../lib/push/push-server.ts'
import {
  accessConfig,
  ED,
  entitlementTo,
  makeAccess,
  makeKeyEntry,
  makePlan,
  makeToken,
  NOW_S,
  PRO,
  RULES
} from '../access/make-access.ts'
import { cleanUp } from '../kit/clean-up.ts'
import { ProtocolClient, type ServerFrame } from '../kit/protocol-client.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { makeCertificates, skipWithoutOpenssl } from '../transport/make-certificates.ts'
import { makeQuote, OPENING, seededRandom } from './make-quotes.ts'
import { ManualClock } from './manual-clock.ts'
import { openPush, type Push } from './open-push.ts'

const [SPOT, PERP, OTHER] = ['demo:spot:A', 'demo:perp:A', 'okx:spot:A'] as const
/** No ping is answered while the clock jumps, and no test is about the rate of messages unless it says so. */
const LIMITS: Partial<PushLimits> = { pingMs: 1e9, slowPingMs: 1e9, messagesPerSecond: 1e6, messageBurst: 1e6 }

interface Guarded extends Push {
  clock: ManualClock
}

async function openGuarded(
  t: TestContext,
  config: Partial<AccessConfig> = {},
  limits: Partial<PushLimits> = {}
): Promise<Guarded> {
  const clock = new ManualClock(NOW_S * 1e6)
  const access = makeAccess(config, clock.nowMicros)
  const push = await openPush(t, { access, clock, isKnown: () => true, limits: { ...LIMITS, ...limits } })
  push.feed([SPOT, PERP, OTHER].map((key, i) => makeQuote(key, OPENING + i, { last: String(i), lastSize: null })))
  return { ...push, clock }
}

interface From {
  query?: string
  headers?: Record<string, string>
}

function dial(t: TestContext, port: number, { query = '', headers = {} }: From = {}): WebSocket {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/stream${query}`, 'quotes.v1.json', { headers })
  cleanUp(t, () => socket.terminate())
  socket.on('error', () => {})
  return socket
}

async function connect(t: TestContext, port: number, from: From = {}): Promise<ProtocolClient> {
  const client = new ProtocolClient(dial(t, port, from))
  await waitUntil('the welcome came', () => client.frames.length > 0)
  return client
}

interface Refusal {
  status: number | undefined
  headers: IncomingMessage['headers']
  body: string
}

async function refusal(t: TestContext, port: number, from: From = {}): Promise<Refusal> {
  const socket = dial(t, port, from)
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return { status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks).toString() }
}

const bearer = async (...parts: Parameters<typeof makeToken>): Promise<Record<string, string>> => ({
  authorization: `Bearer ${await makeToken(...parts)}`
})
const keysOf = (client: ProtocolClient, sid: string): string[] => [...client.board(sid).rows.keys()].sort()

test('a token or key that comes with the upgrade logs in at once, by header or address', async t => {
  const { key, entry } = makeKeyEntry('u2', PRO)
  const push = await openGuarded(t, { apiKeys: [entry] })
  const token = await makeToken()
  for (const [from, user] of [
    [{ headers: { authorization: `Bearer ${token}` } }, 'u1'],
    [{ query: `?token=${token}` }, 'u1'],
    [{ query: `?key=${key}` }, 'u2'],
    [{ headers: { 'x-api-key': key } }, 'u2']
  ] as const) {
    const client = await connect(t, push.port, from)
    await waitUntil('the login was told', () => client.of('ok').length === 1)
    const [ok] = client.of('ok')
    assert.deepEqual([ok?.user, ok?.plan, ok?.id], [user, 'pro', null])
    const [welcome] = client.of('welcome')
    assert.deepEqual([welcome?.auth, welcome?.authDeadlineMs], ['required', undefined])
    await client.subscribe({ keys: [SPOT] })
  }
})

test('a bad credential is refused by HTTP 401, a page of another origin by 403, and nothing is repeated', async t => {
  const push = await openGuarded(t, { origins: new Set(['https://app.test']) })
  const token = await makeToken({ exp: NOW_S - 60 })
  for (const from of [{ query: `?token=${token}` }, { headers: { authorization: `Bearer ${token}` } }]) {
    const { status, headers, body } = await refusal(t, push.port, from)
    assert.deepEqual(
      [status, headers['www-authenticate'], headers['content-type']],
      [401, 'Bearer', 'application/problem+json; charset=utf-8']
    )
    assert.equal(JSON.parse(body).detail, 'the token has expired')
    assert.ok(!body.includes(token))
  }
  assert.equal((await refusal(t, push.port, { headers: { authorization: 'Basic dTpw' } })).status, 401)
  assert.equal((await refusal(t, push.port, { query: '?token=a&key=b' })).status, 401)
  const good = await bearer()
  assert.equal((await refusal(t, push.port, { headers: { ...good, origin: 'https://evil.test' } })).status, 403)
  await connect(t, push.port, { headers: { ...good, origin: 'https://app.test' } })
  assert.equal(push.hub.access.connections.total, 1, 'refused ones hold no place')
  assert.equal(push.hub.counters.upgradesRefused, 5)
})

test('who has to log in may do nothing before, and is closed with 4008 when it does not', async t => {
  const push = await openGuarded(t)
  push.hub.sendStatus({ scope: 'source', id: 'demo', state: 'down', since: 1, reason: null })
  const client = await connect(t, push.port)
  const [welcome] = client.of('welcome')
  assert.deepEqual([welcome?.auth, welcome?.authDeadlineMs], ['required', 10_000])
  for (const message of [
    { type: 'subscribe', subs: [{ keys: [SPOT] }] },
    { type: 'list' },
    { type: 'resume', session: 's', resumeToken: '', epoch: '', pos: [] }
  ])
    assert.deepEqual([(await client.request(message)).code, client.of('status').length], [401, 0])
  assert.equal((await client.request({ type: 'auth', token: 'nonsense' })).code, 402)
  push.clock.advance(9_999)
  assert.equal((await client.request({ type: 'list' })).code, 401)
  push.clock.advance(1)
  await waitUntil('it was closed', () => client.closed !== null)
  assert.equal(client.closed?.code, 4008)
  assert.equal(push.hub.counters.closedDeadline, 1)

  const other = await connect(t, push.port)
  assert.equal((await other.request({ type: 'auth', token: await makeToken() })).type, 'ok')
  await waitUntil('it was told of the source', () => other.of('status').length === 1)
  push.clock.advance(20_000)
  assert.equal((await other.request({ type: 'list' })).type, 'subscriptions')
})

test('what follows auth waits for it, in order, also behind a second one', async t => {
  const push = await openGuarded(t)
  const client = await connect(t, push.port)
  const token = await makeToken({ header: { alg: 'EdDSA' }, key: ED.privateKey })
  for (const message of [
    { type: 'auth', id: 'a', token },
    { type: 'subscribe', id: 'b', subs: [{ keys: [SPOT] }] },
    { type: 'auth', id: 'c', token: 'nonsense' },
    { type: 'list', id: 'd' },
    { type: 'auth', id: 'e', token },
    { type: 'list', id: 'f' }
  ])
    client.socket.send(JSON.stringify(message))
  const answered = (): ServerFrame[] => client.frames.filter(({ id }) => typeof id === 'string')
  await waitUntil('all were answered', () => answered().length === 6)
  assert.deepEqual(
    answered().map(({ type, id }) => `${id} ${type}`),
    ['a ok', 'b subscribed', 'c error', 'd subscriptions', 'e ok', 'f subscriptions']
  )
})

test('a login is announced before it ends, refreshed by another auth, and its end closes with 4001', async t => {
  const push = await openGuarded(t)
  const client = await connect(t, push.port, { headers: await bearer({ exp: NOW_S + 60 }) })
  const sid = await client.subscribe({ keys: [SPOT] })
  push.clock.advance(35_000 - 1)
  await client.request({ type: 'list' })
  assert.equal(client.of('expiring').length, 0)
  push.clock.advance(1)
  await waitUntil('it was announced', () => client.of('expiring').length === 1)
  assert.equal(client.of('expiring')[0]?.inMs, 30_000)
  const ok = await client.request({ type: 'auth', token: await makeToken({ exp: NOW_S + 7200 }) })
  assert.equal(ok.expiresAt, (NOW_S + 7205) * 1e6)
  push.clock.advance(3_600_000)
  assert.equal((await client.request({ type: 'list' })).type, 'subscriptions')
  assert.equal(client.of('expiring').length, 1)
  push.clock.advance(3_600_000)
  await waitUntil('it was closed', () => client.closed !== null)
  assert.deepEqual([client.closed?.code, client.of('expiring').length], [4001, 2])
  assert.equal(client.of('bye')[0]?.reason, 'expired')
  assert.equal(client.of('bye')[0]?.resume, false)
  assert.ok(client.boards.has(sid))
  assert.equal(push.hub.counters.closedExpired, 1)
  assert.equal(push.hub.groups, 0)
})

test('a live session keeps its user; anonymous may become one', async t => {
  const visitor = makePlan('visitor', ['demo:spot:*'], { minIntervalMs: 100, symbols: 1 })
  const push = await openGuarded(t, { anonymous: visitor })
  const client = await connect(t, push.port)
  const [welcome] = client.of('welcome')
  const limits = welcome?.limits as Record<string, number>
  assert.deepEqual([welcome?.auth, limits.symbols, limits.minIntervalMs], ['optional', 1, 100])
  const { subs, rejected } = await client.request({
    type: 'subscribe',
    subs: [{ keys: [SPOT, PERP, 'demo:perp:NEVER'], patterns: ['okx:*:*'] }]
  })
  assert.deepEqual(rejected, [
    { key: PERP, code: 403, message: 'outside of what you may see' },
    { key: 'demo:perp:NEVER', code: 403, message: 'outside of what you may see' },
    { pattern: 'okx:*:*', code: 403, message: 'outside of what you may see' }
  ])
  const [sub] = subs as { keys: number; patterns: number; intervalMs: number }[]
  assert.deepEqual([sub?.keys, sub?.patterns, sub?.intervalMs], [1, 0, 100])
  assert.equal((await client.request({ type: 'subscribe', subs: [{ keys: ['demo:spot:B'] }] })).code, 405)

  const ok = await client.request({ type: 'auth', token: await makeToken() })
  assert.deepEqual([ok.user, (ok.limits as Record<string, number>).symbols], ['u1', 20_000])
  const sid = await client.subscribe({ patterns: ['*:*:*'], intervalMs: 0 })
  await waitUntil('all rows came', () => client.board(sid).rows.size === 3)
  const forbidden = await client.request({ type: 'auth', token: await makeToken({ sub: 'u2' }) })
  assert.deepEqual([forbidden.code, forbidden.name], [403, 'forbidden'])
  assert.equal(((await client.request({ type: 'list' })).subs as unknown[]).length, 2)
})

test('two clients that may see the same share one group, however they ask', async t => {
  const narrow = makePlan('narrow', ['demo:spot:*'])
  const plans = new Map([
    ['pro', PRO],
    ['narrow', narrow]
  ])
  const push = await openGuarded(t, { plans })
  const limited = await connect(t, push.port, { headers: await bearer({ claims: { plan: 'narrow' } }) })
  const free = await connect(t, push.port, { headers: await bearer({ sub: 'u2' }) })
  const all = await limited.subscribe({ patterns: ['*:*:*'] })
  assert.equal(await free.subscribe({ patterns: ['demo:spot:*'] }), all)
  assert.equal(await limited.subscribe({ patterns: ['*:spot:*', 'demo:*:*'] }), all)
  assert.equal(push.hub.groups, 1)
  assert.notEqual(await free.subscribe({ patterns: ['*:*:*'] }), all)
  await waitUntil('the snapshot came', () => keysOf(limited, all).length > 0)
  assert.deepEqual(keysOf(limited, all), [SPOT])
})

test('a refreshed token that allows less takes the rest away at once, and says so', async t => {
  const push = await openGuarded(t)
  const client = await connect(t, push.port, { headers: await bearer() })
  const all = await client.subscribe({ patterns: ['*:*:*'] })
  const okx = await client.subscribe({ keys: [OTHER] })
  const spot = await client.subscribe({ keys: [SPOT] })
  const ok = await client.request({ type: 'auth', token: await makeToken({ claims: { patterns: ['demo:spot:*'] } }) })
  assert.equal(ok.type, 'ok')
  await waitUntil('it was told', () => client.of('updated').length === 1)
  const [updated] = client.of('updated')
  const { sid, matched } = updated!.sub as { sid: string; matched: number }
  assert.deepEqual([updated?.from, updated?.id, matched], [all, ok.id, 1])
  assert.deepEqual(client.of('unsubscribed')[0]?.sids, [okx])
  await waitUntil('the snapshot came', () => client.boards.get(sid)?.rows.size === 1)
  const listed = (await client.request({ type: 'list' })).subs as { sid: string }[]
  assert.deepEqual(listed.map(sub => sub.sid).sort(), [sid, spot].sort())
  push.feed([SPOT, PERP, OTHER].map((key, i) => makeQuote(key, OPENING + 100 + i, { last: '9', lastSize: null })))
  await waitUntil('the row came', () => client.board(sid).rows.get(SPOT)?.last === '9')
  const after = client.frames.slice(client.frames.indexOf(ok))
  const seen = after.flatMap(({ data }) => (data as { key: string }[] | undefined) ?? []).map(({ key }) => key)
  assert.deepEqual([...new Set(seen)], [SPOT])
  assert.equal(push.hub.groups, 2)
})

test('the state of an instrument is told to those who may see it', async t => {
  const push = await openGuarded(t, { anonymous: makePlan('visitor', ['demo:spot:*']) })
  const halted = (id: string) => ({ scope: 'instrument', id, state: 'halted', since: 1, reason: null }) as const
  push.hub.sendStatus(halted(PERP))
  const client = await connect(t, push.port)
  for (const id of [OTHER, SPOT]) push.hub.sendStatus(halted(id))
  push.hub.sendStatus({ ...halted('demo'), scope: 'source' })
  await waitUntil('the last came', () => client.of('status').some(({ scope }) => scope === 'source'))
  assert.deepEqual(
    client.of('status').map(({ id }) => id),
    [SPOT, 'demo']
  )
})

test('a session that is resumed by somebody who may see less is narrowed to that', async t => {
  const push = await openGuarded(t)
  const before = await connect(t, push.port, { headers: await bearer() })
  const sid = await before.subscribe({ patterns: ['*:*:*'] })
  const [welcome] = before.of('welcome')
  before.socket.terminate()
  await waitUntil('it is gone', () => push.hub.sessions === 0)
  const after = await connect(t, push.port, { headers: await bearer({ claims: { patterns: ['demo:perp:*'] } }) })
  const { session, resumeToken } = welcome as unknown as { session: string; resumeToken: string }
  const q = before.board(sid).q
  const resumed = await after.request({ type: 'resume', session, resumeToken, epoch: 'E1', pos: [{ sid, q }] })
  const [sub] = resumed.subs as { sid: string; matched: number }[]
  assert.deepEqual([resumed.type, sub?.matched], ['resumed', 1])
  assert.notEqual(sub?.sid, sid)
})

test('the rate of the plan holds, and a login is no new burst', async t => {
  const slow = makePlan('slow', ['*:*:*'], { messagesPerSecond: 2 })
  const push = await openGuarded(t, { plans: new Map([['pro', slow]]) }, { messagesPerSecond: 5, messageBurst: 10 })
  const client = await connect(t, push.port)
  const token = await makeToken()
  for (let i = 0; i < 10; i++) assert.equal((await client.request({ type: 'auth', token })).type, 'ok')
  client.socket.send('{"type":"list"}')
  await waitUntil('it was refused', () => client.of('error').length === 1)
  const [error] = client.of('error')
  assert.deepEqual(
    [error?.code, error?.retryAfterMs, error?.message],
    [429, 500, 'expected at most 2 messages per second']
  )
})

test('connections are bounded by address, user, total and rate, each refused with when to come again', async t => {
  const one = makePlan('one', ['*:*:*'], { connections: 1 })
  const config = { anonymous: PRO, plans: new Map([['pro', one]]), trustedProxies: ['127.0.0.1'] }
  const connections = { total: 4, perAddress: 2, connectsPerSecond: 1, connectBurst: 3 }
  const push = await openGuarded(t, { ...config, connections })
  const from = (address: string, headers = {}) => ({ headers: { 'x-forwarded-for': address, ...headers } })
  const first = await connect(t, push.port, from('198.51.100.1'))
  await connect(t, push.port, from('198.51.100.1'))
  // Whoever writes the header before the proxy gains nothing.
  const full = await refusal(t, push.port, from('203.0.113.77, 198.51.100.1'))
  assert.deepEqual([full.status, full.headers['retry-after']], [429, '5'])
  const often = await refusal(t, push.port, from('198.51.100.1'))
  assert.deepEqual([often.status, often.headers['retry-after']], [429, '1'])
  assert.match(often.body, /too many new connections/)

  const user = await connect(t, push.port, from('198.51.100.2', await bearer()))
  const second = await refusal(t, push.port, from('198.51.100.3', await bearer()))
  assert.deepEqual([second.status, second.headers['retry-after']], [429, '5'])
  const late = await connect(t, push.port, from('198.51.100.4'))
  assert.equal((await late.request({ type: 'auth', token: await makeToken() })).code, 406)
  const many = await refusal(t, push.port, from('198.51.100.5'))
  assert.deepEqual([many.status, many.headers['retry-after']], [503, '1'])

  first.socket.terminate()
  user.socket.terminate()
  await waitUntil('their places are free', () => push.hub.access.connections.total === 2)
  assert.equal((await late.request({ type: 'auth', token: await makeToken() })).type, 'ok')
})

test('a client that goes away while its token is checked holds no place', async t => {
  const push = await openGuarded(t)
  const headers = await bearer({ header: { alg: 'EdDSA' }, key: ED.privateKey })
  for (let i = 0; i < 20; i++) {
    const socket = dial(t, push.port, { headers })
    await once(socket, 'open')
    socket.terminate()
  }
  const abandoned = dial(t, push.port, { headers })
  abandoned.terminate()
  await waitUntil('all are gone', () => push.hub.access.connections.total === 0 && push.hub.sessions === 0)
  await connect(t, push.port, { headers })
  assert.equal(push.hub.access.connections.total, 1)
})

test('nobody behind the gate sees the credential of an address', async t => {
  const seen: (string | undefined)[] = []
  const push = await openPush(t, { access: makeAccess() }, (request, response) => {
    seen.push(request.url)
    response.end()
  })
  for (const query of ['?a=1&key=secret', '?token=secret', '?%6bey=secret&b=2'])
    await fetch(`http://127.0.0.1:${push.port}/api${query}`)
  assert.deepEqual(seen, ['/api?a=1', '/api', '/api?b=2'])
})

test('a client of server-sent events logs in with its request, or not at all', async t => {
  const push = await openGuarded(t)
  const url = `http://127.0.0.1:${push.port}/v1/stream?patterns=*:*:*`
  const events = { accept: 'text/event-stream' }
  const without = await fetch(url, { headers: events })
  assert.equal(without.status, 401)
  await without.text()
  assert.equal(push.hub.access.connections.total, 0)
  const token = await makeToken({ exp: NOW_S + 1, claims: { patterns: ['demo:spot:*'] } })
  const response = await fetch(`${url}&token=${token}`, { headers: events })
  const reading = response.text()
  await waitUntil('it is there', () => push.hub.groups === 1)
  push.clock.advance(6_000)
  const text = await reading
  assert.ok(text.includes(SPOT) && text.includes('event: ok') && text.includes('"reason":"expired"'), text)
  assert.ok(!text.includes(PERP) && !text.includes(OTHER) && !text.includes(token))
  await waitUntil('its place is free', () => push.hub.access.connections.total === 0)
})

test('where nobody can log in, a credential is nobody’s business and auth is refused', async t => {
  const push = await openPush(t)
  const client = await connect(t, push.port, { query: '?token=x&key=y', headers: { authorization: 'Basic dTpw' } })
  assert.equal(client.of('welcome')[0]?.auth, 'none')
  assert.equal((await client.request({ type: 'auth', key: 'x' })).code, 402)
  assert.equal((await client.request({ type: 'auth', key: 'x', token: 'y' })).code, 400)
  assert.equal((await client.request({ type: 'auth' })).code, 400)
})

test('whatever a client may see and asks for, it never gets a row of anything else', async t => {
  const random = seededRandom(21)
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!
  const venues = ['binance', 'okx', 'kraken']
  const types = ['spot', 'perp']
  const symbols = ['A', 'B', 'C']
  const keys = venues.flatMap(venue => types.flatMap(type => symbols.map(symbol => `${venue}:${type}:${symbol}`)))
  const segment = (names: readonly string[]): string => (random() < 0.4 ? '*' : pick(names))
  const pattern = (): string => [segment(venues), segment(types), segment(symbols)].join(':')
  const patterns = (max: number): string[] => Array.from({ length: Math.floor(random() * (max + 1)) }, pattern)
  const push = await openGuarded(t, {}, { softBytes: 4000, heartbeatMs: 50 })
  let rows = 0
  let rejections = 0
  for (let round = 0; round < 40; round++) {
    const sub = `u${round}`
    const client = await connect(t, push.port, { headers: await bearer({ sub, claims: { patterns: patterns(4) } }) })
    /** From the frame at this index on, only keys of these patterns may come. */
    const epochs: { from: number; may: ReturnType<typeof entitlementTo> }[] = []
    const login = async (): Promise<void> => {
      const own = patterns(4)
      const ok = await client.request({ type: 'auth', token: await makeToken({ sub, claims: { patterns: own } }) })
      assert.equal(ok.type, 'ok')
      epochs.push({ from: client.frames.indexOf(ok), may: entitlementTo(...own) })
    }
    await login()
    for (let step = 0; step < 6; step++) {
      const asked = {
        keys: [pick(keys), pick(keys)],
        patterns: patterns(3),
        intervalMs: pick([0, 0, 5]),
        mode: pick(['conflate', 'all', 'latest'])
      }
      const { rejected } = await client.request({ type: 'subscribe', subs: [asked] })
      rejections += (rejected as unknown[]).length
      push.feed(
        Array.from({ length: 10 }, () =>
          makeQuote(pick(keys), OPENING + round * 1000 + step, { last: String(random()).slice(0, 9), lastSize: null })
        )
      )
      push.clock.advance(10)
      if (step % 2 === 1) await login()
      if (random() < 0.3) await client.request({ type: 'resync' })
    }
    await client.request({ type: 'list' })
    for (const [index, { from, may }] of epochs.entries()) {
      const until = epochs[index + 1]?.from ?? client.frames.length
      for (const { data = [] } of client.frames.slice(from, until) as { data?: { key: string }[] }[]) {
        for (const { key } of data) {
          rows++
          assert.ok(may.allows(key), `${key} within ${may.patterns.map(({ text }) => text)}`)
        }
      }
    }
    const { losses, duplicates } = client
    assert.deepEqual({ losses, duplicates }, { losses: 0, duplicates: 0 })
    client.socket.terminate()
  }
  t.diagnostic(`${rows} rows, ${rejections} rejections`)
  assert.ok(rows > 500 && rejections > 100)
})

test('the port may speak TLS, with the same streams and refusals', { skip: skipWithoutOpenssl }, async t => {
  const { ca, server: pair } = makeCertificates(t)
  const access = new Access(accessConfig({ tokens: RULES }), { now: () => NOW_S * 1e6 })
  const hub = new Hub({ node: 'test', isKnown: () => true, access })
  hub.board.restart('E1', 0)
  hub.restart()
  const { cert, key } = pair
  const handle = (_request: unknown, response: { end(text: string): void }) => response.end('ok')
  const server = await PushServer.open({ hub, port: 0, host: '127.0.0.1', tls: { cert, key }, handle })
  t.after(() => server.close())
  const open = (headers: Record<string, string>): WebSocket => {
    const socket = new WebSocket(`wss://localhost:${server.port}/v1/stream`, 'quotes.v1.json', { ca: ca.cert, headers })
    cleanUp(t, () => socket.terminate())
    socket.on('error', () => {})
    return socket
  }
  const client = new ProtocolClient(open(await bearer()))
  await waitUntil('it is welcome', () => client.of('ok').length === 1)
  const sid = await client.subscribe({ patterns: ['*:*:*'] })
  const big = Array.from({ length: 2000 }, (_, i) =>
    makeQuote(`demo:spot:S${i}`, OPENING + i, { last: '1', lastSize: null })
  )
  hub.apply(big.map((quote, i) => ({ quote, epoch: 'E1', q: 4096 + i })))
  await waitUntil('all rows came', () => client.board(sid).rows.size === 2000)
  const [, response] = (await once(open({ authorization: 'Bearer x' }), 'unexpected-response')) as [
    unknown,
    IncomingMessage
  ]
  assert.equal(response.statusCode, 401)
  response.resume()
  const plain = await fetch(`http://127.0.0.1:${server.port}/`).then(
    () => 'answered',
    () => 'refused'
  )
  assert.equal(plain, 'refused')
})
