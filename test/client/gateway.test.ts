import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { Row } from '../../client/index.ts'
import { openPage } from '../kit/chromium.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { keysOf, RandomMarket, seededRandom } from '../push/make-quotes.ts'
import { openPush } from '../push/open-push.ts'
import { LossyRelay } from './lossy-relay.ts'
import { openClient } from './open-client.ts'
import { askRest, startGateway, statesOf } from './start-gateway.ts'

/** Equal in content; a market that never rests makes them so for moments only. */
const isSame = (one: object, other: object): boolean => {
  try {
    assert.deepEqual(one, other)
    return true
  } catch {
    return false
  }
}

test('exactly the frames that were dropped are seen as losses, and the board is right in the end', async t => {
  const seed = Math.floor(Math.random() * 2 ** 32)
  t.diagnostic(`seed ${seed}`)
  const random = seededRandom(seed)
  const push = await openPush(t)
  let isLossy = true
  const relay = await LossyRelay.open(t, push.port, () => isLossy && random() < 0.15)
  const market = new RandomMarket(keysOf(20), random)
  // Of an instrument that a client holds nothing of, the first row is no loss, whatever went before.
  push.feed(market.batch(1000))
  const { client } = openClient(t, relay.url)
  const sub = client.subscribe({ patterns: ['demo:spot:*'] })
  let gaps = 0
  let merged = 0
  sub.on('gap', () => gaps++)
  sub.on('rows', ({ rows }) => {
    for (const { n = 0 } of rows) merged += n
  })
  await sub.ready
  for (let turn = 0; turn < 400; turn++) {
    push.feed(market.batch(5))
    await delay(1)
  }
  isLossy = false
  // Every instrument once more, so that the last of the dropped frames are found missing.
  push.feed(market.batch(400))
  await waitUntil('the board is at the end', () => sub.position?.q === push.hub.board.position)
  await waitUntil('every loss is seen', () => gaps >= relay.losses)
  assert.equal(gaps, relay.losses)
  relay.cut()
  push.feed(market.batch(50))
  await waitUntil('it has come back', () => sub.position?.q === push.hub.board.position)
  const held = [...push.hub.board.entries]
    .filter(([, { row }]) => row.candidates.size > 0)
    .map(([key, { q }]) => [key, q])
  assert.deepEqual(Object.fromEntries([...sub.board].map(([key, { q }]) => [key, q])), Object.fromEntries(held))
  assert.ok(
    relay.dropped > 10 && gaps > 10 && merged > 500,
    `${relay.dropped} dropped, ${gaps} gaps, ${merged} updates`
  )
  t.diagnostic(`${relay.dropped} frames dropped, ${gaps} losses seen of ${relay.losses}`)
})

test('in mode all an iterator gets every update once, in order, and the requests of the protocol are answered', async t => {
  const push = await openPush(t)
  const market = new RandomMarket(keysOf(5), seededRandom(7))
  push.feed(market.batch(50))
  const { client } = openClient(t, `http://127.0.0.1:${push.port}`)
  const sub = client.subscribe({ patterns: ['demo:spot:*'], mode: 'all', fields: ['last', 'bid', 'volume', 'status'] })
  await sub.ready
  const rows: Row[] = []
  const reading = (async () => {
    for await (const row of sub) rows.push(row)
  })()
  for (let turn = 0; turn < 50; turn++) {
    push.feed(market.batch(4))
    if (turn % 10 === 0) await delay(1)
  }
  await waitUntil('all came', () => sub.position?.q === push.hub.board.position)
  const have = new Map<string, number>()
  for (const { key, q, p } of rows) {
    if (p !== undefined) assert.equal(p, have.get(key) ?? 0, 'each row follows the one before it')
    have.set(key, q)
  }
  assert.deepEqual(
    (await client.list()).map(({ sid, mode }) => [sid, mode]),
    [[sub.info?.sid, 'all']]
  )
  const sid = sub.info?.sid
  const changed = await sub.update({ intervalMs: 5, mode: 'conflate', fields: ['last'] })
  assert.notEqual(sub.info?.sid, sid)
  await sub.resync()
  push.feed(market.batch(100))
  await waitUntil('its rows come', () => sub.position?.q === push.hub.board.position)
  assert.ok([...changed.board.values()].every(row => !('bid' in row)))
  await sub.unsubscribe()
  await reading
  assert.deepEqual(await client.list(), [])
  await assert.rejects(client.subscribe({ keys: ['nope:spot:X'] }).ready, { code: 'unknown' })
  await assert.rejects(client.subscribe({ keys: ['demo:spot:S0-USDT'], intervalMs: 1e9 }).ready, {
    code: 'bad_message'
  })
})

test('statuses of sources come, and those that are not ok come again with a new connection', async t => {
  const push = await openPush(t)
  const { client } = openClient(t, `ws://127.0.0.1:${push.port}`)
  const told: string[] = []
  client.on('status', ({ id, state }) => told.push(`${id} ${state}`))
  await waitUntil('it is live', () => client.state === 'live')
  push.hub.sendStatus({ scope: 'source', id: 'demo/stream', state: 'down', since: 1, reason: null })
  await waitUntil('it was told', () => told.length === 1)
  push.connections[0]?.destroy()
  await waitUntil('it was told again', () => told.length === 2)
  assert.deepEqual(told, ['demo/stream down', 'demo/stream down'])
})

test('in Node: the gateway is killed with -9 and started again; the board is that of REST in the end', {
  timeout: 90_000
}, async t => {
  const gateway = await startGateway(t)
  const { client, states } = openClient(t, `ws://127.0.0.1:${gateway.port}`)
  const sub = client.subscribe({ patterns: ['*:*:*'] })
  const snapshots: { epoch: string; missed: boolean }[] = []
  let gaps = 0
  sub.on('snapshot', ({ epoch, missed }) => snapshots.push({ epoch, missed }))
  sub.on('gap', () => gaps++)
  await sub.ready
  await waitUntil('the board fills', () => sub.board.size > 0)
  const before = snapshots.length
  await gateway.kill9()
  await waitUntil('the client noticed', () => states.some(({ state }) => state === 'waiting'))
  await gateway.restart()
  await waitUntil('it is live again', () => client.state === 'live' && snapshots.length > before)
  await waitUntil('the board is that of REST', async () =>
    isSame(statesOf(sub.board.values()), await askRest(gateway.port))
  )
  assert.equal(snapshots[before]?.missed, true, 'what was missed meanwhile is told')
  assert.notEqual(snapshots[before]?.epoch, snapshots[before - 1]?.epoch)
  assert.equal(gaps, 0)
})

interface InPage {
  states: string[]
  missed: boolean[]
  board(): object
  rest(): Promise<object>
}

test('in a browser: the gateway is killed with -9 and started again; the board is that of REST in the end', {
  timeout: 90_000
}, async t => {
  const page = await openPage(t)
  if (page === undefined) return
  const gateway = await startGateway(t)
  await page.goto(`http://127.0.0.1:${gateway.port}/`)
  await page.evaluate(async port => {
    const path = '/client/index.ts'
    const { QuoteClient } = (await import(path)) as typeof import('../../client/index.ts')
    const client = new QuoteClient(`http://127.0.0.1:${port}`, { maxRetryMs: 200 })
    const sub = client.subscribe({ patterns: ['*:*:*'] })
    const strip = (rows: Iterable<{ key: string; p?: number; n?: number }>) =>
      Object.fromEntries([...rows].map(({ p: _p, n: _n, ...state }) => [state.key, state]))
    const seen: InPage = {
      states: [],
      missed: [],
      board: () => strip(sub.board.values()),
      rest: async () => strip(((await (await fetch('/api/v1/quotes')).json()) as { data: [] }).data)
    }
    client.on('state', ({ state }) => seen.states.push(state))
    sub.on('snapshot', ({ missed }) => seen.missed.push(missed))
    Object.assign(globalThis, { seen })
    await sub.ready
  }, gateway.port)
  const ask = <T>(what: (seen: InPage) => T) => page.evaluate(`(${what})(globalThis.seen)`) as Promise<Awaited<T>>
  await gateway.kill9()
  await waitUntil('the page noticed', () => ask(({ states }) => states.includes('waiting')))
  await gateway.restart()
  await waitUntil('the board is that of REST', async () => {
    const [board, rest] = await ask(async seen => [seen.board(), await seen.rest()] as const).catch(
      () => [1, 2] as const
    )
    return isSame(board as object, rest as object)
  })
  assert.ok((await ask(({ missed }) => missed)).includes(true))
  assert.equal((await ask(({ states }) => states)).at(-1), 'live')
})
