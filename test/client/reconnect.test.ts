import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { DEFAULT_OPTIONS, QuoteClient, type SocketLike } from '../../client/index.ts'
import { afterClose, jitteredDelay } from '../../client/reconnect-delay.ts'
import { freePort } from '../../lib/cluster/free-port.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { FakeGateway, quotes } from './fake-gateway.ts'
import { openClient } from './open-client.ts'

test('close codes say what to do, and the back-off has full jitter up to its limit', () => {
  const answers = [1006, 1000, 4000, 4099, 4100, 4199, 4200, 4299, 4300].map(afterClose)
  const [again, stop, backOff, told] = ['reconnect', 'stop', 'backOff', 'asTold']
  assert.deepEqual(answers, [again, again, stop, stop, backOff, backOff, told, told, again])
  assert.deepEqual(
    [0, 1, 5, 2000].map(attempt => jitteredDelay(attempt, 250, 30_000, 0.5)),
    [125, 250, 4000, 15_000]
  )
  assert.equal(jitteredDelay(3, 250, 30_000, 0), 0)
})

for (const code of [4000, 4001, 4003, 4006, 4008, 4099]) {
  test(`after a close with ${code} the client does not come back, and its subscriptions say why`, async t => {
    const gateway = await FakeGateway.open(t)
    const { client, states } = openClient(t, gateway.url)
    const sub = client.subscribe({ keys: ['A'] })
    await sub.ready
    const rows = sub.rows()
    ;(await gateway.connection(0)).socket.close(code, 'refused')
    await waitUntil('the client is closed', () => client.state === 'closed')
    assert.equal(states.at(-1)?.closeCode, code)
    for (let i = 0; i < 3; i++) await rows.next()
    await assert.rejects(rows.next(), { code: 'refused', closeCode: code })
    assert.ok(client.subscribe({ keys: ['B'] }).hasEnded)
    assert.ok(!states.some(({ state }) => state === 'waiting'))
  })
}

test('closes with 4100 to 4199 make the wait longer each time, however long the connections lasted', async t => {
  const gateway = await FakeGateway.open(t)
  const { client, states } = openClient(t, gateway.url, { random: () => 1, maxRetryMs: 8, stableMs: 1e-9 })
  for (const index of [0, 1, 2, 3, 4]) {
    const sub = client.subscribe({ keys: [`K${index}`] })
    await sub.ready
    ;(await gateway.connection(index)).socket.close(4101, 'slow')
    await waitUntil('the client has gone', () => states.filter(({ state }) => state === 'waiting').length > index)
  }
  const waits = states.filter(({ state }) => state === 'waiting').map(({ retryInMs }) => retryInMs)
  assert.deepEqual(waits, [1, 2, 4, 8, 8])
})

test('a connection that lasted begins the back-off anew', async t => {
  const gateway = await FakeGateway.open(t)
  const { client, states } = openClient(t, gateway.url, { random: () => 1, stableMs: 1e-9 })
  for (const index of [0, 1, 2]) {
    await client.subscribe({ keys: [`K${index}`] }).ready
    ;(await gateway.connection(index)).socket.terminate()
    await waitUntil('the client has gone', () => states.filter(({ state }) => state === 'waiting').length > index)
  }
  const waits = states.filter(({ state }) => state === 'waiting').map(({ retryInMs }) => retryInMs)
  assert.deepEqual(waits, [1, 1, 1])
})

test('bye: the client waits as told when it is closed', async t => {
  const gateway = await FakeGateway.open(t)
  const { client, states } = openClient(t, gateway.url)
  await client.subscribe({ keys: ['A'] }).ready
  const { say, socket } = await gateway.connection(0)
  say({ type: 'bye', reason: 'drain', close: 4200, inMs: 0, reconnectAfterMs: 300, resume: false })
  socket.close(4200, 'drain')
  await gateway.connection(1, 'subscribe')
  const { closeCode, retryInMs = 0 } = states.find(({ state }) => state === 'waiting') ?? {}
  assert.equal(closeCode, 4200)
  assert.ok(retryInMs > 50 && retryInMs <= 300, `${retryInMs} is what is left of 300 and not the back-off's`)
})

test('bye: the client goes by itself when its time has come, before the gateway closes', async t => {
  const gateway = await FakeGateway.open(t)
  const { client } = openClient(t, gateway.url)
  await client.subscribe({ keys: ['A'] }).ready
  const { say } = await gateway.connection(0)
  say({ type: 'bye', reason: 'drain', close: 4200, inMs: 3_600_000, reconnectAfterMs: 20, resume: false })
  await gateway.connection(1, 'subscribe')
})

test('a connection that has gone silent counts as dead, although the other side does not answer its close', async t => {
  assert.equal(DEFAULT_OPTIONS.silenceMs, 5_000)
  const gateway = await FakeGateway.open(t)
  const { client, states } = openClient(t, gateway.url, { silenceMs: 200 })
  const sub = client.subscribe({ keys: ['A'] })
  await sub.ready
  const { socket, say } = await gateway.connection(0)
  const beat = setInterval(() => say({ type: 'hb', time: 1, pos: [{ sid: 'S1', q: 77 }] }), 20)
  t.after(() => clearInterval(beat))
  await waitUntil('heartbeats move the position', () => sub.position?.q === 77)
  assert.equal(client.state, 'live')
  clearInterval(beat)
  socket.pause()
  await gateway.connection(1, 'subscribe')
  assert.equal(states.find(({ state }) => state === 'waiting')?.reason, 'silence')
})

test('a second bye replaces the first, whose time does not end the next connection', async t => {
  const gateway = await FakeGateway.open(t)
  const { client } = openClient(t, gateway.url)
  await client.subscribe({ keys: ['A'] }).ready
  const { say } = await gateway.connection(0)
  const bye = { type: 'bye', reason: 'drain', close: 4200, inMs: 1000, resume: false }
  say({ ...bye, reconnectAfterMs: 400 })
  say({ ...bye, reconnectAfterMs: 1 })
  const second = await gateway.connection(1, 'subscribe')
  await delay(600)
  assert.deepEqual([second.closed, gateway.connections.length], [false, 2])
})

test('after bye for one reason, a close for another counts', async t => {
  const gateway = await FakeGateway.open(t)
  const { client } = openClient(t, gateway.url)
  await client.subscribe({ keys: ['A'] }).ready
  const { say, socket } = await gateway.connection(0)
  say({ type: 'bye', reason: 'drain', close: 4200, inMs: 9000, reconnectAfterMs: 9000, resume: true })
  socket.close(4003, 'forbidden')
  await waitUntil('the client is closed', () => client.state === 'closed')
})

test('a program that was busy for longer than the silence reads what waits before it calls a connection dead', async t => {
  const gateway = await FakeGateway.open(t)
  const { client, states } = openClient(t, gateway.url, { silenceMs: 300 })
  const sub = client.subscribe({ keys: ['A'] })
  await sub.ready
  const { say } = await gateway.connection(0)
  say({ type: 'hb', time: 1, pos: [{ sid: 'S1', q: 77 }] })
  for (const end = performance.now() + 400; performance.now() < end; );
  await waitUntil('it came', () => sub.position?.q === 77)
  assert.ok(!states.some(({ state }) => state === 'waiting'))
})

test('several gateways are tried in turn', async t => {
  const nowhere = `ws://127.0.0.1:${await freePort()}`
  const [one, two] = [await FakeGateway.open(t), await FakeGateway.open(t)]
  const { client, states } = openClient(t, [nowhere, one.url, two.url])
  await client.subscribe({ keys: ['A'] }).ready
  ;(await one.connection(0)).socket.terminate()
  await two.connection(0, 'subscribe')
  ;(await two.connection(0)).socket.terminate()
  await one.connection(1, 'subscribe')
  const tried = states.filter(({ state }) => state === 'connecting').map(({ url }) => new URL(url).host)
  const hosts = [nowhere, one.url, two.url].map(url => new URL(url).host)
  assert.deepEqual(tried, [...hosts, hosts[0], hosts[1]])
})

test('without resume a new snapshot replaces the board', async t => {
  const gateway = await FakeGateway.open(t)
  const { client } = openClient(t, gateway.url)
  const sub = client.subscribe({ keys: ['A'] })
  await sub.ready
  const first = await gateway.connection(0)
  first.say(quotes('S1', 10, { A: 11 }))
  first.say(quotes('S1', 0, { D: 9 }))
  await waitUntil('both rows came', () => sub.board.size === 4)
  first.socket.terminate()
  const second = await gateway.connection(1, 'subscribe')
  await waitUntil('the board was replaced', () => sub.board.size === 3)
  assert.equal(second.of('resume').length, 0)
  assert.deepEqual(second.of('subscribe')[0]?.subs, [{ keys: ['A'], snapshot: true }])
})

test('close may be said again, ends everything, and what is asked afterwards is refused', async t => {
  const gateway = await FakeGateway.open(t)
  const { client, states, errors } = openClient(t, gateway.url)
  const sub = client.subscribe({ keys: ['A'] })
  const late = client.subscribe({ keys: ['A'] })
  await sub.ready
  client.close()
  client.close()
  await late.ready
  const never = client.subscribe({ keys: ['B'] })
  await assert.rejects(never.ready, { code: 'closed' })
  await assert.rejects(client.list(), { code: 'not_connected' })
  assert.ok(sub.hasEnded)
  await waitUntil('the gateway saw it', () => gateway.connections[0]?.closed === true)
  assert.deepEqual([states.at(-1)?.state, states.filter(({ state }) => state === 'closed').length], ['closed', 1])
  assert.deepEqual(errors, [])
})

test('an aborted signal closes the client: before it has begun, and while it waits for its next attempt', async t => {
  const gateway = await FakeGateway.open(t)
  assert.equal(new QuoteClient(gateway.url, { signal: AbortSignal.abort() }).state, 'closed')
  const abort = new AbortController()
  const { client } = openClient(t, `ws://127.0.0.1:${await freePort()}`, {
    signal: abort.signal,
    firstRetryMs: 60_000,
    maxRetryMs: 60_000,
    random: () => 1
  })
  await waitUntil('it waits', () => client.state === 'waiting')
  abort.abort()
  assert.equal(client.state, 'closed')
})

test('the WebSocket class can be another one', async t => {
  const gateway = await FakeGateway.open(t)
  const asked: string[] = []
  class Recording extends WebSocket {
    constructor(url: string, protocol: string) {
      super(url, protocol)
      asked.push(`${new URL(url).pathname} ${protocol}`)
    }
  }
  const { client } = openClient(t, gateway.url, {
    WebSocket: Recording satisfies new (url: string, protocol: string) => SocketLike
  })
  await client.subscribe({ keys: ['A'] }).ready
  assert.deepEqual(asked, ['/v1/stream quotes.v1.json'])
})

test('an option that cannot work is refused with what was expected', () => {
  const bad =
    (url: string | string[], options = {}) =>
    () =>
      new QuoteClient(url, options)
  assert.throws(bad('ftp://host'), { code: 'bad_option', message: 'url: expected ws:// or wss://, got ftp://host' })
  assert.throws(bad([]), { code: 'bad_option' })
  assert.throws(bad('ws://host', { silenceMs: 0 }), { message: 'silenceMs: expected 0 < number < 2^31, got 0' })
})
