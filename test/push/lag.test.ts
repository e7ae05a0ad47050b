import assert from 'node:assert/strict'
import { once } from 'node:events'
import { get } from 'node:http'
import { type TestContext, test } from 'node:test'
import { WebSocket } from 'ws'
import { cleanUp } from '../kit/clean-up.ts'
import { ProtocolClient } from '../kit/protocol-client.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { keysOf, makeQuote, OPENING } from './make-quotes.ts'
import { ManualClock } from './manual-clock.ts'
import { openPush, type Push } from './open-push.ts'

const [A = ''] = keysOf(1)
const trade = (at: number) => makeQuote(A, OPENING + at, { last: String(at), lastSize: '1' })

/** A client that answers pings when the test says so. */
async function connectMute(t: TestContext, push: Push): Promise<{ client: ProtocolClient; pings: Buffer[] }> {
  const url = `ws://127.0.0.1:${push.port}/v1/stream`
  const socket = new WebSocket(url, 'quotes.v1.json', { perMessageDeflate: false, autoPong: false })
  cleanUp(t, () => socket.terminate())
  const pings: Buffer[] = []
  socket.on('ping', payload => pings.push(payload))
  const client = new ProtocolClient(socket)
  await once(socket, 'open')
  await waitUntil('the welcome came', () => client.frames.length > 0)
  return { client, pings }
}

test('a client that is behind, although nothing is unsent, is left out of ticks and then gets the latest', async t => {
  const clock = new ManualClock(OPENING)
  const push = await openPush(t, { clock, random: () => 0 })
  push.feed([trade(1)])
  const { client, pings } = await connectMute(t, push)
  const prompt = await ProtocolClient.connect(t, push.port)
  const sid = await client.subscribe({ keys: [A] })
  await prompt.subscribe({ keys: [A] })
  await waitUntil('the snapshots came', () => client.boards.size + prompt.boards.size === 2)

  clock.advance(5_000)
  await waitUntil('the ping came', () => pings.length === 1)
  push.feed([trade(2)])
  await waitUntil('a row comes, as long as it is under way', () => client.rows === 1)
  clock.advance(2_250)
  assert.deepEqual(push.hub.lag, { slowestLagMs: 2_250, lagging: 1 })
  for (const at of [3, 4, 5]) {
    push.feed([trade(at)])
    await waitUntil('the other one has it', () => prompt.board(sid).rows.get(A)?.last === String(at))
  }
  assert.equal(push.connections[0]?.writableLength, 0)
  assert.equal(client.rows, 1)

  client.socket.pong(pings[0])
  await waitUntil('it is asked again', () => pings.length === 2)
  assert.equal(client.rows, 1)
  client.socket.pong(pings[1])
  await waitUntil('the latest came', () => client.rows === 2)
  const row = client.board(sid).rows.get(A)
  assert.deepEqual([row?.last, row?.p, row?.n], ['5', 2 * 4096, 3])
  assert.deepEqual(
    client.of('lag').map(({ skippedTicks }) => skippedTicks),
    [3]
  )
  assert.deepEqual([client.losses, client.duplicates], [0, 0])
  assert.deepEqual(push.hub.lag, { slowestLagMs: 0, lagging: 0 })
})

test('how far a reader of events is behind stays unknown: it has no pings', async t => {
  const clock = new ManualClock(OPENING)
  const push = await openPush(t, { clock })
  push.feed([trade(1)])
  const path = `/v1/stream?keys=${A}`
  const request = get({ port: push.port, path, headers: { accept: 'text/event-stream' } })
  cleanUp(t, () => request.destroy())
  const [response] = await once(request, 'response')
  response.resume()
  clock.advance(60_000)
  assert.deepEqual([push.hub.sessions, push.hub.lag], [1, { slowestLagMs: 0, lagging: 0 }])
})
