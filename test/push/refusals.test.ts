import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import { ProtocolClient, type ServerFrame } from '../kit/protocol-client.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { keysOf, makeQuote, OPENING, seededRandom } from './make-quotes.ts'
import { openPush } from './open-push.ts'

const [A = '', B = '', C = ''] = keysOf(3)

/** Messages that are wrong, and what the refusal says. */
const BAD: [string, RegExp][] = [
  ['', /expected JSON/],
  ['{', /expected JSON/],
  ['[]', /expected an object, got an empty list/],
  ['null', /expected an object, got null/],
  ['{}', /type: expected a text, got nothing/],
  ['{"type":5,"id":"x"}', /type: expected a text, got 5/],
  ['{"type":"list","id":{}}', /id: expected a number or a text/],
  ['{"type":"subscribe","id":"x"}', /subs: expected a list of objects, got nothing/],
  ['{"type":"subscribe","id":"x","subs":[7]}', /subs\[0\]: expected an object, got 7/],
  ['{"type":"subscribe","id":"x","subs":[{}]}', /subs\[0\]\.keys: expected at least one key or pattern/],
  ['{"type":"subscribe","id":"x","subs":[{"keys":"a"}]}', /subs\[0\]\.keys: expected a list of texts, got "a"/],
  ['{"type":"subscribe","id":"x","subs":[{"keys":[1]}]}', /subs\[0\]\.keys\[0\]: expected a text, got 1/],
  ['{"type":"subscribe","id":"x","subs":[{"keys":["a"],"intervalMs":-1}]}', /intervalMs: expected an integer/],
  ['{"type":"subscribe","id":"x","subs":[{"keys":["a"],"intervalMs":99999999}]}', /intervalMs: expected at most 60000/],
  ['{"type":"subscribe","id":"x","subs":[{"keys":["a"],"mode":"some"}]}', /mode: expected one of conflate all latest/],
  [
    '{"type":"subscribe","id":"x","subs":[{"keys":["a"],"fields":["price"]}]}',
    /fields: expected names of last .*"price"/
  ],
  ['{"type":"subscribe","id":"x","subs":[{"keys":["a"],"snapshot":"no"}]}', /snapshot: expected true or false/],
  ['{"type":"subscribe","id":"x","subs":[{"keys":["a"],"rows":1}]}', /rows: expected true or false, got 1/],
  ['{"type":"unsubscribe","id":"x"}', /sids: expected a list of texts/],
  ['{"type":"update","id":"x"}', /sid: expected a text/]
]

test('a message that cannot be read is answered with 400 and what was expected', async t => {
  const push = await openPush(t, { limits: { messageBurst: 100 } })
  const client = await ProtocolClient.connect(t, push.port)
  for (const [text, expected] of BAD) {
    const before = client.of('error').length
    client.socket.send(text)
    await waitUntil(`${text} was refused`, () => client.of('error').length > before)
    const error = client.of('error').at(-1)
    assert.deepEqual([error?.code, error?.name, error?.retry], [400, 'bad_message', false], text)
    assert.match(String(error?.message), expected)
    assert.equal(error?.id, text.includes('"id":"x"') ? 'x' : null)
  }
  client.socket.send(Buffer.from('{"type":"list"}'), { binary: true })
  await waitUntil('the binary frame was refused', () => client.of('error').length === BAD.length + 1)
  assert.equal(push.hub.counters.messagesBad, BAD.length + 1)
  assert.deepEqual((await client.request({ type: 'list' })).subs, [])
})

test('unknown types and fields are ignored, and the types are counted', async t => {
  const push = await openPush(t)
  const client = await ProtocolClient.connect(t, push.port)
  client.socket.send('{"type":"dance","id":9}')
  const answer = await client.request({ type: 'list', colour: 'red' })
  assert.equal(answer.type, 'subscriptions')
  assert.equal(push.hub.counters.messagesUnknown, 1)
  assert.deepEqual(client.of('error'), [])
})

test('what this version does not do is refused with its own code', async t => {
  const push = await openPush(t)
  const client = await ProtocolClient.connect(t, push.port)
  const codes: unknown[] = []
  for (const message of [
    { type: 'auth', token: 't' },
    { type: 'unsubscribe', sids: ['nope'] },
    { type: 'update', sid: 'nope', intervalMs: 5 }
  ]) {
    const { code, name } = await client.request(message)
    codes.push([code, name])
  }
  assert.deepEqual(codes, [
    [402, 'auth_failed'],
    [404, 'unknown'],
    [404, 'unknown']
  ])
})

test('bad patterns are rejected one by one, and a subscription with nothing left has no sid', async t => {
  const push = await openPush(t)
  const client = await ProtocolClient.connect(t, push.port)
  const { subs, rejected } = await client.request({
    type: 'subscribe',
    subs: [{ patterns: ['a:b', 'a:b:c:d', 'a::b', 'a:b*:c', '*:spot:*'] }, { patterns: ['x'] }]
  })
  assert.deepEqual(
    (rejected as { pattern: string; code: number }[]).map(({ pattern, code }) => [pattern, code]),
    [
      ['a::b', 400],
      ['a:b', 400],
      ['a:b*:c', 400],
      ['a:b:c:d', 400],
      ['x', 400]
    ]
  )
  const [first, second] = subs as { sid: string | null; patterns: number }[]
  assert.equal(first?.patterns, 1)
  assert.equal(second?.sid, null)
  assert.equal(push.hub.groups, 1)
})

test('a connection may name so many keys and hold so many subscriptions, and a refused request changes nothing', async t => {
  const push = await openPush(t, { isKnown: () => true, limits: { symbols: 2, subscriptions: 2 } })
  const client = await ProtocolClient.connect(t, push.port)
  await client.subscribe({ keys: [A, B] })
  const { code, name } = await client.request({ type: 'subscribe', subs: [{ keys: [C] }] })
  assert.deepEqual([code, name], [405, 'symbol_limit'])
  await client.subscribe({ patterns: ['*:*:*'] })
  assert.equal((await client.request({ type: 'subscribe', subs: [{ patterns: ['a:*:*'] }] })).code, 405)
  assert.equal(push.hub.groups, 2)
})

test('too many messages are refused with the time to wait, and going on closes the connection with 4129', async t => {
  const push = await openPush(t, { limits: { messagesPerSecond: 0.001, messageBurst: 2, refusals: 3 } })
  const client = await ProtocolClient.connect(t, push.port)
  for (let i = 0; i < 8; i++) client.socket.send('{"type":"list"}')
  await waitUntil('the connection was closed', () => client.closed !== null)
  assert.equal(client.of('subscriptions').length, 2)
  const errors = client.of('error')
  assert.deepEqual(
    errors.map(({ code, retry }) => [code, retry]),
    [
      [429, true],
      [429, true],
      [429, true]
    ]
  )
  assert.ok(Number(errors[0]?.retryAfterMs) > 0)
  assert.deepEqual(client.closed, { code: 4129, reason: 'rate' })
  assert.equal(client.of('bye')[0]?.close, 4129)
})

test('a message beyond the limit of bytes closes the connection', async t => {
  const push = await openPush(t)
  const client = await ProtocolClient.connect(t, push.port)
  client.socket.send('x'.repeat(64 * 1024 + 1))
  await waitUntil('the connection was closed', () => client.closed !== null)
  assert.equal(client.closed?.code, 1009)
})

test('an upgrade elsewhere, with another subprotocol, before the board is loaded or beyond the limit is refused by HTTP', async t => {
  const push = await openPush(t, { limits: { connections: 1 } })
  const refused = async (path: string, protocol: string): Promise<number | undefined> => {
    const socket = new WebSocket(`ws://127.0.0.1:${push.port}${path}`, protocol)
    t.after(() => socket.terminate())
    socket.on('error', () => {})
    const [, response] = await once(socket, 'unexpected-response')
    return response.statusCode
  }
  assert.equal(await refused('/v2/stream', 'quotes.v1.json'), 404)
  assert.equal(await refused('/v1/stream', 'quotes.v2.json'), 400)
  await ProtocolClient.connect(t, push.port)
  assert.equal(await refused('/v1/stream', 'quotes.v1.json'), 503)
  push.hub.pause()
  assert.equal(await refused('/v1/stream?x=1', 'quotes.v1.json'), 503)
  assert.equal(push.hub.counters.upgradesRefused, 4)
})

test('a refused upgrade is a problem document, and its connection ends though the client keeps its half open', async t => {
  const push = await openPush(t)
  const socket = connect({ port: push.port, host: '127.0.0.1', allowHalfOpen: true })
  t.after(() => socket.destroy())
  let text = ''
  socket.setEncoding('utf8').on('data', chunk => {
    text += chunk
  })
  socket.write('GET /elsewhere HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  await once(socket, 'end')
  assert.match(text, /^HTTP\/1\.1 404 [\s\S]*application\/problem\+json[\s\S]*"detail":"expected \/v1\/stream"/)
  await waitUntil('the server let go of it', () => push.connections.length === 0)
  await push.server.close()
})

test('a request that offers HTTP/2 is answered over HTTP/1.1, as any other', async t => {
  const { port } = await openPush(t)
  const asked = request({ port, path: '/health', headers: { connection: 'Upgrade', upgrade: 'h2c' } }).end()
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  assert.equal(response.statusCode, 200)
  response.resume()
})

test('a client that wants every update and takes none is closed with 4101', async t => {
  const push = await openPush(t, { limits: { softBytes: 500, hardBytes: 1000 } })
  const client = await ProtocolClient.connect(t, push.port)
  await client.subscribe({ patterns: ['*:*:*'], mode: 'all' })
  push.connections[0]!.cork()
  let i = 0
  await waitUntil('it was given up', () => {
    push.feed([makeQuote(A, OPENING + i++, { last: String(i), lastSize: null })])
    return push.hub.counters.closedSlow === 1
  })
  push.connections[0]!.uncork()
  await waitUntil('the connection was closed', () => client.closed !== null)
  assert.equal(client.closed?.code, 4101)
  assert.equal(client.losses, 0)
})

test('a client with too much unsent for too long is closed with 4101, a quiet one without a pong with 4202', async t => {
  const push = await openPush(t, {
    limits: { softBytes: 500, hardBytes: 1000, hardForMs: 30, heartbeatMs: 20, snapshotRows: 100 }
  })
  push.feed(keysOf(50).map((key, i) => makeQuote(key, OPENING + i, { last: '1', lastSize: null })))
  const client = await ProtocolClient.connect(t, push.port)
  push.connections[0]!.cork()
  client.socket.send('{"type":"subscribe","subs":[{"patterns":["*:*:*"]}]}')
  await waitUntil('it was given up', () => push.hub.counters.closedSlow === 1)
  await waitUntil('it was cut', () => push.hub.sessions === 0)

  const quiet = await openPush(t, { limits: { heartbeatMs: 20, pingMs: 10, pongMs: 50 } })
  const mute = new WebSocket(`ws://127.0.0.1:${quiet.port}/v1/stream`, { autoPong: false })
  t.after(() => mute.terminate())
  const [code] = await once(mute, 'close')
  assert.equal(code, 4202)
})

test('closing says bye to every client and ends stubborn connections of all kinds', async t => {
  const push = await openPush(t)
  const clients = await Promise.all([1, 2, 3].map(() => ProtocolClient.connect(t, push.port)))
  const idle = connect(push.port, '127.0.0.1')
  t.after(() => idle.destroy())
  idle.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(idle, 'data')
  push.connections[2]!.pause()
  const half = connect(push.port, '127.0.0.1')
  t.after(() => half.destroy())
  half.write('GET / HTTP/1.1\r\nHost:')
  await waitUntil('all are connected', () => push.connections.length === 5)
  const ended = [idle, half].map(socket => once(socket, 'close'))
  await Promise.all([push.server.close(), push.server.close()])
  await Promise.all(ended)
  await waitUntil('all clients are closed', () => clients.every(({ closed }) => closed !== null))
  for (const client of clients) {
    assert.equal(client.closed?.code, 4200)
    const [bye] = client.of('bye')
    assert.deepEqual([bye?.reason, bye?.close, bye?.resume], ['drain', 4200, false])
  }
  assert.equal(push.hub.sessions, 0)
})

test('random messages never end the gateway, and every refusal has a code', async t => {
  const push = await openPush(t, { limits: { messagesPerSecond: 1e6, messageBurst: 1e6 } })
  push.feed([makeQuote(A, OPENING, { last: '1', lastSize: null })])
  const client = await ProtocolClient.connect(t, push.port)
  const random = seededRandom(7)
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!
  const value = (depth: number): unknown => {
    const leaf = pick([
      null,
      true,
      -1,
      0.5,
      1e308,
      '',
      A,
      '*:*:*',
      'last',
      'conflate',
      'all',
      '__proto__',
      '\u0000\ud800'
    ])
    if (depth === 0 || random() < 0.4) return leaf
    if (random() < 0.5) return Array.from({ length: Math.floor(random() * 3) }, () => value(depth - 1))
    const names = [
      'type',
      'id',
      'subs',
      'keys',
      'patterns',
      'fields',
      'intervalMs',
      'mode',
      'snapshot',
      'since',
      'session',
      'resumeToken',
      'epoch',
      'pos',
      'q',
      'policy',
      'sid',
      'sids'
    ]
    return Object.fromEntries(Array.from({ length: 4 }, () => [pick(names), value(depth - 1)]))
  }
  const types = ['subscribe', 'unsubscribe', 'update', 'list', 'resync', 'auth', 'resume', 'toString']
  for (let i = 0; i < 2000; i++) {
    const message = JSON.stringify({ ...(value(4) as object), ...(random() < 0.9 ? { type: pick(types) } : {}) })
    client.socket.send(random() < 0.9 ? message : message.slice(0, Math.floor(random() * message.length)))
  }
  await client.request({ type: 'list' })
  const errors: ServerFrame[] = client.of('error')
  assert.ok(errors.length > 100, `${errors.length} refusals`)
  assert.deepEqual(
    [...new Set(errors.map(({ code }) => code))].filter(code => code === 500 || code === undefined),
    []
  )
  t.diagnostic(`2000 random messages: ${errors.length} refused, ${push.hub.counters.messagesUnknown} of unknown type`)
})
