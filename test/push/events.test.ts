import assert from 'node:assert/strict'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { type TestContext, test } from 'node:test'
import { cleanUp } from '../kit/clean-up.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { keysOf, makeQuote, OPENING } from './make-quotes.ts'
import { EPOCH, openPush, type Push } from './open-push.ts'

const [A = '', B = ''] = keysOf(2)
const trade = (key: string, at: number, last: string) => makeQuote(key, OPENING + at, { last, lastSize: '1' })

interface ServerEvent {
  event?: string
  id?: string
  retry?: string
  data?: Record<string, unknown>
}

/** A reader of server-sent events, written from the standard's text. */
interface Reader {
  response: IncomingMessage
  events: ServerEvent[]
  of(event: string): ServerEvent[]
  isEnded: boolean
  /** What an `EventSource` would send when it connects again. */
  lastId: string | undefined
}

async function read(t: TestContext, push: Push, query: string, lastId?: string): Promise<Reader> {
  const request = get({
    port: push.port,
    path: `/v1/stream?${query}`,
    headers: { accept: 'text/event-stream', ...(lastId === undefined ? {} : { 'last-event-id': lastId }) }
  })
  cleanUp(t, () => request.destroy())
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  const reader: Reader = {
    response,
    events: [],
    of: event => reader.events.filter(one => one.event === event),
    isEnded: false,
    lastId: undefined
  }
  let text = ''
  response.setEncoding('utf8')
  response.on('error', () => {})
  response.on('end', () => {
    reader.isEnded = true
  })
  response.on('data', (chunk: string) => {
    const blocks = (text + chunk).split('\n\n')
    text = blocks.pop() ?? ''
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split('\n').map(line => line.split(/: (.*)/s, 2)))
      reader.events.push({ ...fields, ...(fields.data === undefined ? {} : { data: JSON.parse(fields.data) }) })
      reader.lastId = fields.id ?? reader.lastId
    }
  })
  return reader
}

test('events carry the same payloads as the WebSocket, with the position as their id', async t => {
  const push = await openPush(t)
  push.feed([trade(A, 0, '1'), trade(B, 0, '5')])
  const reader = await read(t, push, `keys=${A}&patterns=nope:*:*&fields=last&intervalMs=0`)
  assert.equal(reader.response.statusCode, 200)
  assert.equal(reader.response.headers['content-type'], 'text/event-stream; charset=utf-8')
  await waitUntil('the snapshot came', () => reader.of('snapshot').length === 1)
  assert.deepEqual(
    reader.events.map(({ event }) => event),
    [undefined, 'welcome', 'subscribed', 'snapshot']
  )
  assert.equal(reader.of('snapshot')[0]?.id, `${EPOCH}:4097`)
  push.feed([trade(A, 1, '2'), trade(B, 1, '6')])
  await waitUntil('the row came', () => reader.of('quotes').length === 1)
  const [{ id, data } = {}] = reader.of('quotes')
  assert.equal(id, `${EPOCH}:8193`)
  const [row] = (data?.data ?? []) as Record<string, unknown>[]
  assert.deepEqual([row?.key, row?.last, row?.q, row?.p, row?.n], [A, '2', 8192, 4096, 1])
})

test('a client that connects again goes on behind the last event that it has', async t => {
  const push = await openPush(t)
  push.feed([trade(A, 0, '1')])
  const before = await read(t, push, `keys=${A}&mode=all`)
  await waitUntil('the snapshot came', () => before.of('snapshot').length === 1)
  before.response.destroy()
  await waitUntil('it is gone', () => push.hub.sessions === 0)
  push.feed([trade(A, 1, '2')])
  push.feed([trade(A, 2, '3')])
  const reader = await read(t, push, `keys=${A}&mode=all`, before.lastId)
  await waitUntil('the rows came', () => reader.of('quotes').length === 1)
  const rows = reader.of('quotes')[0]?.data?.data as { last: string }[]
  assert.deepEqual(
    rows.map(({ last }) => last),
    ['2', '3']
  )
  assert.equal(reader.of('snapshot').length, 0)
})

test('a snapshot in several events has its position with the last one only', async t => {
  const push = await openPush(t, { limits: { snapshotRows: 2 } })
  push.feed(keysOf(5).map(key => trade(key, 0, '1')))
  const reader = await read(t, push, 'patterns=demo:*:*')
  await waitUntil('all pages came', () => reader.of('snapshot').length === 3)
  assert.deepEqual(
    reader.of('snapshot').map(({ id }) => id),
    [undefined, undefined, `${EPOCH}:4100`]
  )
})

test('a quiet stream has heartbeats with the position', async t => {
  const push = await openPush(t, { limits: { heartbeatMs: 40 } })
  push.feed([trade(A, 0, '1')])
  const reader = await read(t, push, `keys=${A}`)
  await waitUntil('heartbeats came', () => reader.of('hb').length > 1)
  push.feed([trade(B, 0, '1')])
  await waitUntil('they follow the stream', () => reader.lastId === `${EPOCH}:8192`)
})

test('a request that means nothing is answered with 400 and what was expected', async t => {
  const push = await openPush(t)
  for (const [query, lastId] of [
    ['', undefined],
    [`keys=${A}&intervalMs=soon`, undefined],
    [`keys=${A}&mode=some`, undefined],
    [`keys=${A}&fields=price`, undefined],
    [`keys=${A}`, 'x']
  ] as const) {
    const { response } = await read(t, push, query, lastId)
    assert.equal(response.statusCode, 400, query)
    assert.equal(response.headers['content-type'], 'application/problem+json; charset=utf-8')
  }
  assert.equal(push.hub.sessions, 0)
  assert.equal((await fetch(`http://127.0.0.1:${push.port}/v1/stream`)).status, 426)
})

test('what the gateway refuses later is an error event, and the stream ends with it', async t => {
  const push = await openPush(t, { limits: { symbols: 1 } })
  push.feed([trade(A, 0, '1'), trade(B, 0, '1')])
  const reader = await read(t, push, `keys=${A},${B}`)
  await waitUntil('it ended', () => reader.isEnded)
  assert.equal(reader.of('error')[0]?.data?.code, 405)
  await waitUntil('it is forgotten', () => push.hub.sessions === 0)
})

test('a reader that stops reading is left out of ticks and gets the latest when it reads again', async t => {
  const push = await openPush(t, { limits: { softBytes: 1_000 } })
  push.feed([trade(A, 0, '1')])
  const reader = await read(t, push, `keys=${A}`)
  await waitUntil('the snapshot came', () => reader.of('snapshot').length === 1)
  push.connections[0]?.cork()
  let fed = 0
  await waitUntil('ticks were left out', () => {
    push.feed([trade(A, ++fed, String(fed))])
    return push.hub.counters.ticksSkipped > 10
  })
  push.connections[0]?.uncork()
  const lastOf = () => (reader.of('quotes').at(-1)?.data?.data as { last: string }[] | undefined)?.[0]?.last
  await waitUntil('the latest came', () => lastOf() === String(fed))
  assert.ok(reader.of('lag').length >= 1)
  const rows = reader.of('quotes').flatMap(({ data }) => data?.data as { n: number }[])
  assert.equal(
    rows.reduce((sum, { n }) => sum + n, 0),
    fed
  )
})

test('a gateway that ends says when to come back', async t => {
  const push = await openPush(t)
  push.feed([trade(A, 0, '1')])
  const reader = await read(t, push, `keys=${A}`)
  await waitUntil('the snapshot came', () => reader.of('snapshot').length === 1)
  await push.server.close()
  await waitUntil('it ended', () => reader.isEnded)
  const bye = reader.of('bye')[0]?.data
  assert.equal(bye?.close, 4200)
  assert.equal(reader.events.at(-1)?.retry, String(bye?.reconnectAfterMs))
})

test('a reader that leaves while it is let in leaves nothing behind', async t => {
  const push = await openPush(t)
  push.feed([trade(A, 0, '1')])
  const { gate } = push.hub
  const admit = gate.admit.bind(gate)
  const held = Promise.withResolvers<void>()
  let asked = 0
  gate.admit = async (...given) => {
    asked++
    await held.promise
    return admit(...given)
  }
  const request = get({ port: push.port, path: `/v1/stream?keys=${A}`, headers: { accept: 'text/event-stream' } })
  request.on('error', () => {})
  await waitUntil('it waits to be let in', () => asked === 1)
  request.destroy()
  await waitUntil('it is gone', () => push.connections.length === 0)
  held.resolve()
  await push.server.close()
  assert.equal(push.hub.sessions, 0)
})
