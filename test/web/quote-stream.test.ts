import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { type WebSocket, WebSocketServer } from 'ws'
import { type QuoteRow, QuoteStream } from '../../web/quote-stream.ts'
import { waitUntil } from '../kit/wait-until.ts'

interface Asked {
  type: string
  socket: WebSocket
}

/** The page's stream at a server that says what the test says; `asked` holds what the page sent. */
async function openStream(t: TestContext) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'quotes.v1.json' })
  await once(server, 'listening')
  const asked: Asked[] = []
  server.on('connection', socket => {
    socket.on('message', data => asked.push({ ...(JSON.parse(String(data)) as { type: string }), socket }))
    say(socket, { type: 'welcome' })
  })
  const seen = { rows: [] as QuoteRow[], gaps: 0, isLive: false }
  const stream = new QuoteStream(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`, {
    onSnapshot: rows => seen.rows.push(...rows),
    onRow: row => seen.rows.push(row),
    onState(isLive) {
      seen.isLive = isLive
    },
    onClock() {},
    onStatus() {},
    onGap() {
      seen.gaps++
    }
  })
  t.after(() => {
    // A refusal by 4000 ends the stream for good; a paused connection is one that it has left.
    for (const socket of server.clients) socket.isPaused ? socket.terminate() : socket.close(4000)
    server.close()
  })
  stream.connect()
  await waitUntil('the page subscribed', () => asked.length === 1)
  return { asked, seen, socket: asked[0]!.socket }
}

const say = (socket: WebSocket, message: object): void => socket.send(JSON.stringify(message))
const snapshot = (q: number) => ({ type: 'snapshot', final: true, data: ['A', 'B', 'C'].map(key => ({ key, q })) })
const quotes = (p: number, q: number) => ({ type: 'quotes', data: ['A', 'B', 'C'].map(key => ({ key, p, q })) })

test('a gap in many instruments is repaired by one resync, and so is the next one', async t => {
  const { asked, seen, socket } = await openStream(t)
  say(socket, snapshot(1))
  say(socket, quotes(5, 9))
  say(socket, quotes(20, 30))
  say(socket, snapshot(30))
  say(socket, quotes(40, 50))
  await waitUntil('all rows came', () => seen.rows.at(-1)?.q === 50 && seen.rows.at(-1)?.key === 'C')
  await waitUntil('the second resync came', () => asked.length >= 3)
  say(socket, snapshot(60))
  await waitUntil('the repair came', () => seen.rows.at(-1)?.q === 60)
  assert.deepEqual(
    asked.map(({ type }) => type),
    ['subscribe', 'resync', 'resync']
  )
  assert.equal(seen.gaps, 2)
})

test('a refused subscription is tried again over a new connection, although heartbeats go on', async t => {
  const { asked, seen, socket } = await openStream(t)
  const beat = setInterval(() => say(socket, { type: 'hb' }), 100)
  t.after(() => clearInterval(beat))
  say(socket, { type: 'error', id: 1, code: 503, name: 'not_ready', message: '', retry: true, retryAfterMs: 1 })
  await waitUntil('the page subscribed again', () => asked.length === 2)
  assert.notEqual(asked[1]!.socket, socket)
  say(asked[1]!.socket, snapshot(1))
  await waitUntil('the page is live', () => seen.isLive)
})

test('a connection that has gone silent is not live, although the other side does not answer its close', {
  timeout: 30_000
}, async t => {
  const { asked, seen, socket } = await openStream(t)
  say(socket, snapshot(1))
  await waitUntil('the page is live', () => seen.isLive)
  socket.pause()
  await waitUntil('the page gave it up', () => !seen.isLive)
  await waitUntil('the page subscribed again', () => asked.length === 2)
})
