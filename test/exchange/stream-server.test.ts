import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import { startExchange } from '../../lib/exchange/exchange.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { openExchange } from './open-exchange.ts'
import { openStream } from './stream-client.ts'

type Data = Record<string, string & number>

/** Two pairs that move often. */
const LIVELY = { market: { kind: 'synthetic', seed: 3, pairs: 2, rate: 200 } } as const

const FIELDS = {
  ticker: 'e E s p P w x c Q b B a A o h l v q O C F L n',
  miniTicker: 'e E s c o h l v q',
  bookTicker: 'u s b B a A',
  trade: 'e E s t p q T m M'
}

test('the streams of an address come in the wrapper with the fields of the venue', async t => {
  const { streamUrl } = await openExchange(t, LIVELY)
  const names = Object.keys(FIELDS).map(channel => `btcusdt@${channel}`)
  const client = await openStream(t, `${streamUrl}/stream?streams=${names.join('/')}`)
  for (const [channel, fields] of Object.entries(FIELDS)) {
    const { stream, data } = await client.next(`"stream":"btcusdt@${channel}"`)
    assert.equal(stream, `btcusdt@${channel}`)
    assert.equal(Object.keys(data as Data).join(' '), fields)
    assert.equal((data as Data).s, 'BTCUSDT')
  }
})

test('a raw stream comes without a wrapper', async t => {
  const { streamUrl } = await openExchange(t, LIVELY)
  const client = await openStream(t, `${streamUrl}/ws/ethusdt@bookTicker`)
  const data = await client.next('"s":"ETHUSDT"')
  assert.equal(Object.keys(data).join(' '), FIELDS.bookTicker)
})

test('update and trade ids rise by every update, over a restart too', async t => {
  const first = await openExchange(t, LIVELY)
  const collect = async (streamUrl: string) => {
    const client = await openStream(t, `${streamUrl}/stream?streams=btcusdt@bookTicker/btcusdt@trade`)
    await waitUntil('fifty frames', async () => client.frames.length >= 50)
    const frames = client.frames.map(text => (JSON.parse(text) as { data: Data }).data)
    return [frames.flatMap(({ u }) => u ?? []), frames.flatMap(({ t: id }) => id ?? [])]
  }
  const [updates, trades] = await collect(first.streamUrl)
  await first.close()
  const second = await openExchange(t, LIVELY)
  const [laterUpdates, laterTrades] = await collect(second.streamUrl)
  for (const ids of [
    [...updates!, ...laterUpdates!],
    [...trades!, ...laterTrades!]
  ]) {
    assert.ok(ids.length > 5)
    assert.ok(ids.every((id, index) => Number.isSafeInteger(id) && (index === 0 || id > ids[index - 1]!)))
  }
})

test('subscriptions are acknowledged, listed and ended by message', async t => {
  const exchange = await openExchange(t, LIVELY)
  const client = await openStream(t, `${exchange.streamUrl}/stream`)
  client.send({ method: 'SUBSCRIBE', params: ['btcusdt@trade', 'ethusdt@bookTicker'], id: 1 })
  assert.deepEqual(await client.next('"id":1}'), { result: null, id: 1 })
  await client.next('ethusdt@bookTicker')
  assert.ok(client.frames[0]!.includes('"id":1'), 'a frame came before the acknowledgement')
  client.send({ method: 'LIST_SUBSCRIPTIONS', id: 'list' })
  assert.deepEqual(await client.next('"id":"list"'), { result: ['btcusdt@trade', 'ethusdt@bookTicker'], id: 'list' })
  assert.equal(exchange.status().streams.subscriptions, 2)
  client.send({ method: 'UNSUBSCRIBE', params: ['btcusdt@trade', 'ethusdt@bookTicker'], id: 2 })
  await client.next('"id":2}')
  assert.equal(exchange.status().streams.subscriptions, 0)
  assert.ok(client.frames.at(-1)!.includes('"id":2'), 'a frame came after the end')
})

test('a message that the venue refuses is answered with its code', async t => {
  const { streamUrl } = await openExchange(t)
  for (const [message, code, text] of [
    ['{', 3, 'Invalid JSON'],
    ['{"method":"SUBSCRIBE","params":["a@trade"]}', 2, 'request ID'],
    ['{"id":1}', 2, 'missing field'],
    ['{"method":"JUMP","id":1}', 2, 'unknown variant JUMP'],
    ['{"method":"SUBSCRIBE","params":"a@trade","id":1}', 2, 'must be strings']
  ] as const) {
    const client = await openStream(t, `${streamUrl}/stream`)
    client.send(message)
    const answer = await client.next(text)
    assert.equal(answer.code, code)
    client.socket.terminate()
  }
})

test('a client that sends too many messages, or subscribes to too much, is cut off and counted', async t => {
  const exchange = await openExchange(t, { now: () => 1_700_000_000_000 })
  const talker = await openStream(t, `${exchange.streamUrl}/stream`)
  for (let id = 0; id < 6; id++) talker.send({ method: 'LIST_SUBSCRIPTIONS', id })
  assert.equal(await talker.closed, 1008)
  const glutton = await openStream(t, `${exchange.streamUrl}/stream`)
  const params = Array.from({ length: 1_025 }, (_, index) => `a${index}@trade`)
  glutton.send({ method: 'SUBSCRIBE', params, id: 1 })
  assert.equal(await glutton.closed, 1008)
  const { cut, subscriptions } = exchange.status().streams
  assert.deepEqual([cut['too many messages'], cut['too many streams'], subscriptions], [1, 1, 0])
})

test('a client that answers no ping is cut off, one that does stays', async t => {
  const exchange = await openExchange(t, { pingIntervalMs: 1_000 })
  const mute = new WebSocket(`${exchange.streamUrl}/stream`, { autoPong: false })
  t.after(() => mute.terminate())
  const alive = await openStream(t, `${exchange.streamUrl}/stream`)
  await once(mute, 'close')
  assert.equal(exchange.status().streams.cut['no pong'], 1)
  assert.equal(alive.socket.readyState, WebSocket.OPEN)
})

test('another path is refused before it becomes a connection', async t => {
  const exchange = await openExchange(t)
  const socket = new WebSocket(`${exchange.streamUrl}/`)
  const [error] = (await once(socket, 'error')) as [Error]
  assert.match(error.message, /404/)
  assert.equal(exchange.status().streams.refused, 1)
})

test('a client that is gone before its upgrade is refused ends nothing', async t => {
  const exchange = await openExchange(t)
  const head = 'GET /nope HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
  for (let client = 0; client < 50; client++) {
    const socket = connect(exchange.port, '127.0.0.1')
    await once(socket, 'connect')
    socket.write(head, () => socket.resetAndDestroy())
    await once(socket, 'close')
  }
  await waitUntil('all were refused', () => exchange.status().streams.refused === 50)
})

test('the shutdown is announced in the form of the connection, and closing ends everything, twice too', async t => {
  const exchange = await startExchange()
  t.after(() => exchange.close())
  const combined = await openStream(t, `${exchange.streamUrl}/stream`)
  const raw = await openStream(t, `${exchange.streamUrl}/ws`)
  exchange.announceShutdown()
  const wrapped = await combined.next('serverShutdown')
  assert.equal(wrapped.stream, '!serverShutdown')
  assert.equal((await raw.next('serverShutdown')).e, 'serverShutdown')
  await exchange.close()
  await exchange.close()
  await Promise.all([combined.closed, raw.closed])
  await assert.rejects(fetch(`${exchange.url}/api/v3/ping`))
})
