import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { ProtocolClient } from '../kit/protocol-client.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { keysOf, makeQuote, OPENING } from './make-quotes.ts'
import { openPush } from './open-push.ts'

const CLIENTS = 200
const KEYS = keysOf(400)
const FOLLOWED = KEYS.slice(0, 5)
/** A frame of mode `all` holds no more; it is written whole before the limit is looked at again. */
const FRAME_BYTES = 1024 * 400

test('one client in a hundred stops reading: what waits for it is bounded, the others get everything, and it gets the latest when it wakes', {
  timeout: 120_000
}, async t => {
  const limits = {
    heartbeatMs: 200,
    pingMs: 200,
    slowPingMs: 100,
    lagMs: 1_000,
    pongMs: 100_000,
    slowWindowMs: 500,
    recoverMs: 1e9,
    // What this process is late by is no overload of a gateway: the test's clients live in it too.
    overloadDelayMs: 1e9
  }
  const push = await openPush(t, { limits, isKnown: () => true })
  const { hub, connections } = push
  const clients: ProtocolClient[] = []
  for (let i = 0; i < CLIENTS; i++) clients.push(await ProtocolClient.connect(t, push.port))
  const [stalled, greedy, ...healthy] = clients as [ProtocolClient, ProtocolClient, ...ProtocolClient[]]
  const sub = { keys: FOLLOWED, intervalMs: 100 }
  const [sid = ''] = await Promise.all([stalled, ...healthy].map(client => client.subscribe(sub)))
  await greedy.subscribe({ patterns: ['*:*:*'], mode: 'all' })

  stalled.socket.pause()
  greedy.socket.pause()
  let at = 0
  const greatest = [0, 0]
  const isOver = () => hub.counters.closedSlow === 1 && hub.lag.lagging >= 1 && hub.counters.ticksSkipped >= 10
  for (const end = performance.now() + 60_000; !isOver() && performance.now() < end; ) {
    at++
    push.feed(KEYS.map(key => makeQuote(key, OPENING + at, { last: String(at), lastSize: '1' })))
    await delay(10)
    for (const i of [0, 1]) greatest[i] = Math.max(greatest[i]!, connections[i]!.writableLength)
  }
  const { counters, limits: inForce } = hub
  assert.equal(counters.closedSlow, 1, 'the one that wanted every update was given up')
  assert.ok(counters.ticksSkipped >= 10, 'the other one was left out of ticks')
  assert.ok(greatest[0]! <= inForce.hardBytes && greatest[1]! <= inForce.hardBytes + FRAME_BYTES, `${greatest} bytes`)

  stalled.socket.resume()
  greedy.socket.resume()
  await waitUntil('all who stayed have the latest', () =>
    [stalled, ...healthy].every(client => client.board(sid).rows.get(FOLLOWED[0]!)?.last === String(at))
  )
  await waitUntil('the one that was given up has seen it', () => greedy.closed !== null)
  await waitUntil('the one that woke up was told', () => stalled.of('downgraded').length > 0)
  assert.equal(stalled.of('downgraded')[0]?.reason, 'slow_client')
  assert.ok(stalled.of('lag').some(({ skippedTicks }) => Number(skippedTicks) >= 10))
  assert.equal(stalled.of('snapshot').length, 1)
  for (const client of [stalled, ...healthy]) {
    const { losses, duplicates, regressions, strays, closed } = client
    assert.deepEqual([losses, duplicates, regressions, strays, closed], [0, 0, 0, 0, null])
    for (const key of FOLLOWED) assert.equal(client.board(sid).merged.get(key), at)
  }
  t.diagnostic(
    `${at} batches to ${CLIENTS} clients; at most ${greatest[0]} and ${greatest[1]} bytes unsent to those that had stopped, ${counters.ticksSkipped} ticks skipped, ${counters.catchUps} catch-ups, ${counters.downgrades} times slower`
  )
})
