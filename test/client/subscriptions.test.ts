import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Row } from '../../client/index.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { FakeGateway, quotes, snapshot, subInfo } from './fake-gateway.ts'
import { openClient } from './open-client.ts'

test('a dropped frame makes one resync, whatever comes before the repair, and the next one another', async t => {
  const gateway = await FakeGateway.open(t)
  const { client } = openClient(t, gateway.url)
  const sub = client.subscribe({ keys: ['A', 'B', 'C'] })
  const gaps: string[] = []
  sub.on('gap', ({ key, have, p, q }) => gaps.push(`${key} ${have} ${p} ${q}`))
  await sub.ready
  const gateway0 = await gateway.connection(0)
  gateway0.say(quotes('S1', 10, { A: 20 }))
  gateway0.say(quotes('S1', 30, { A: 40, B: 40 }))
  gateway0.say(quotes('S1', 50, { A: 60 }))
  await waitUntil('all rows came', () => sub.board.get('A')?.q === 60)
  assert.equal(sub.position, null)
  gateway0.say(snapshot('S1', { A: 60, B: 60, C: 60 }))
  await waitUntil('the repair came', () => sub.position?.q === 60)
  gateway0.say(quotes('S1', 70, { C: 80 }))
  await gateway.connection(0, 'resync', 2)
  assert.deepEqual(gaps, ['A 20 30 40', 'B 10 30 40', 'A 40 50 60', 'C 60 70 80'])
  assert.deepEqual(
    gateway0.of('resync').map(({ sids }) => sids),
    [['S1'], ['S1']]
  )
})

test('a duplicate is not told, and one that is complete is', async t => {
  const gateway = await FakeGateway.open(t)
  const { client } = openClient(t, gateway.url)
  const sub = client.subscribe({ keys: ['A'] })
  const told: number[] = []
  sub.on('rows', ({ rows }) => told.push(...rows.map(({ q }) => q)))
  await sub.ready
  const { say } = await gateway.connection(0)
  say(quotes('S1', 0, { A: 10 }))
  say(quotes('S1', 5, { A: 11 }))
  say(quotes('S1', 0, { A: 9 }))
  say(quotes('S1', 11, { A: 12 }))
  await waitUntil('the last row came', () => sub.board.get('A')?.q === 12)
  assert.deepEqual(told, [11, 12])
})

test('a snapshot counts when its last page is there, and takes away what it does not have', async t => {
  const gateway = await FakeGateway.open(t)
  const { client } = openClient(t, gateway.url)
  const sub = client.subscribe({ patterns: ['*:*:*'] })
  const sizes: number[] = []
  sub.on('snapshot', ({ rows }) => sizes.push(rows.size))
  await sub.ready
  const { say } = await gateway.connection(0)
  say(snapshot('S1', { A: 20 }, { final: false }))
  say(snapshot('S1', { D: 20 }, { final: true }))
  await waitUntil('it was replaced', () => sizes.length === 2)
  assert.deepEqual(sizes, [3, 2])
  assert.deepEqual([...sub.board.keys()], ['A', 'D'])
})

test('a downgraded subscription goes on under its new sid', async t => {
  const gateway = await FakeGateway.open(t)
  const { client } = openClient(t, gateway.url)
  const sub = client.subscribe({ keys: ['A'], intervalMs: 100 })
  const told: object[] = []
  sub.on('downgraded', event => told.push(event))
  sub.on('lag', event => told.push(event))
  await sub.ready
  const { say } = await gateway.connection(0)
  say({ type: 'lag', sid: 'S1', skippedTicks: 4 })
  say({ type: 'downgraded', from: 'S1', sid: 'S9', intervalMs: 2000, reason: 'slow_client' })
  say(quotes('S1', 10, { A: 99 }))
  say(quotes('S9', 10, { A: 11 }))
  await waitUntil('its rows come', () => sub.board.get('A')?.q === 11)
  assert.deepEqual(told, [{ skippedTicks: 4 }, { intervalMs: 2000, reason: 'slow_client' }])
  assert.equal(sub.info?.intervalMs, 2000)
})

test('a refusal ends the subscription it is about, with its code, and not the others of the message', async t => {
  const gateway = await FakeGateway.open(t, {
    answer({ type, id, subs }, { say }) {
      const isAtFault = type === 'subscribe' && (subs as { keys: string[] }[]).some(({ keys }) => keys.includes('X'))
      if (isAtFault) say({ type: 'error', id, code: 405, name: 'symbol_limit', message: 'too many', retry: false })
      return isAtFault
    }
  })
  const { client, errors } = openClient(t, gateway.url)
  const good = client.subscribe({ keys: ['A'] })
  const bad = client.subscribe({ keys: ['X'] })
  await assert.rejects(bad.ready, { name: 'QuoteClientError', code: 'symbol_limit', retryable: false })
  await good.ready
  assert.ok(bad.hasEnded)
  assert.deepEqual(
    errors.map(({ code }) => code),
    ['symbol_limit']
  )
})

test('what is refused for now is asked for again, over the same connection', async t => {
  let refusals = 0
  const gateway = await FakeGateway.open(t, {
    answer({ type, id }, { say }) {
      if (type !== 'subscribe' || refusals++ > 0) return false
      say({ type: 'error', id, code: 503, name: 'not_ready', message: '', retry: true, retryAfterMs: 1 })
      return true
    }
  })
  const { client } = openClient(t, gateway.url)
  await client.subscribe({ keys: ['A'] }).ready
  assert.equal(gateway.connections.length, 1)
})

test('unknown keys are named; a subscription without any known one ends', async t => {
  const gateway = await FakeGateway.open(t, {
    answer({ type, id, subs }, { say }) {
      if (type !== 'subscribe') return false
      const rejected = [{ key: 'X', code: 404, message: 'unknown instrument' }]
      const infos = (subs as { keys: string[] }[]).map(({ keys }) =>
        subInfo(keys.includes('A') ? 'S1' : (null as never))
      )
      say({ type: 'subscribed', id, subs: infos, rejected })
      say(snapshot('S1', { A: 1 }))
      return true
    }
  })
  const { client } = openClient(t, gateway.url)
  const partly = client.subscribe({ keys: ['A', 'X'] })
  const none = client.subscribe({ keys: ['X'] })
  await partly.ready
  await assert.rejects(none.ready, { code: 'unknown' })
  assert.deepEqual(
    partly.rejected.map(({ key }) => key),
    ['X']
  )
})

test('messages and fields that are not known are ignored; a frame that cannot be read ends the connection', async t => {
  const gateway = await FakeGateway.open(t)
  const { client, errors } = openClient(t, gateway.url)
  const sub = client.subscribe({ keys: ['A'] })
  await sub.ready
  const first = await gateway.connection(0)
  first.say({ type: 'weather', sunny: true })
  first.say({ ...quotes('S1', 10, { A: 11 }), colour: 'green' })
  await waitUntil('the row came', () => sub.board.get('A')?.q === 11)
  first.socket.send('no JSON')
  await gateway.connection(1, 'subscribe')
  assert.deepEqual(
    errors.map(({ code }) => code),
    ['bad_frame']
  )
})

test('update changes the request and the sid; unsubscribe ends both sides, and may be said again', async t => {
  const gateway = await FakeGateway.open(t)
  const { client } = openClient(t, gateway.url)
  const sub = client.subscribe({ keys: ['A'], fields: ['last'] })
  await sub.ready
  await sub.update({ intervalMs: 500 })
  assert.equal(sub.info?.sid, 'S2')
  const { say, of } = await gateway.connection(0)
  say(quotes('S2', 10, { A: 11 }))
  await waitUntil('its rows come', () => sub.board.get('A')?.q === 11)
  await sub.unsubscribe()
  await sub.unsubscribe()
  assert.deepEqual(
    of('unsubscribe').map(({ sids }) => sids),
    [['S2']]
  )
  await assert.rejects(sub.update({ intervalMs: 1 }), { code: 'not_connected' })
})

test('two subscriptions of one signature share what comes; the sid ends with the last of them', async t => {
  const gateway = await FakeGateway.open(t, {
    answer({ type, id, subs }, { say }) {
      if (type !== 'subscribe') return false
      say({ type: 'subscribed', id, subs: (subs as object[]).map(() => subInfo('SAME')), rejected: [] })
      say(snapshot('SAME', { A: 10 }))
      return true
    }
  })
  const { client } = openClient(t, gateway.url)
  const [one, two] = [client.subscribe({ keys: ['A'] }), client.subscribe({ keys: ['A'] })]
  await Promise.all([one.ready, two.ready])
  const { say, of } = await gateway.connection(0)
  await one.unsubscribe()
  say(quotes('SAME', 10, { A: 11 }))
  await waitUntil('the other one goes on', () => two.board.get('A')?.q === 11)
  assert.equal(one.board.get('A')?.q, 10)
  assert.equal(of('unsubscribe').length, 0)
  await two.unsubscribe()
  assert.equal(of('unsubscribe').length, 1)
})

test('a subscription ends with its signal', async t => {
  const gateway = await FakeGateway.open(t)
  const { client } = openClient(t, gateway.url)
  const abort = new AbortController()
  const sub = client.subscribe({ keys: ['A'] }, { signal: abort.signal })
  await sub.ready
  const seen: Row[] = []
  const reading = (async () => {
    for await (const row of sub) seen.push(row)
  })()
  await waitUntil('the board was read', () => seen.length === 3)
  abort.abort()
  await reading
  await gateway.connection(0, 'unsubscribe')
  assert.ok(sub.hasEnded)
})

test('with more instruments than it may have, a subscription ends and others go on', async t => {
  const gateway = await FakeGateway.open(t)
  const { client } = openClient(t, gateway.url, { maxRows: 3 })
  const sub = client.subscribe({ keys: ['A'] })
  const other = client.subscribe({ keys: ['B'] })
  await Promise.all([sub.ready, other.ready])
  const { say } = await gateway.connection(0)
  say(quotes('S1', 0, { D: 11 }))
  await gateway.connection(0, 'unsubscribe')
  assert.ok(sub.hasEnded)
  say(quotes('S2', 10, { A: 11 }))
  await waitUntil('the other goes on', () => other.board.get('A')?.q === 11)
})

test('no more messages are sent in a moment than the gateway takes, and all are in the end', {
  timeout: 20_000
}, async t => {
  const gateway = await FakeGateway.open(t)
  const { client } = openClient(t, gateway.url)
  await client.subscribe({ keys: ['A'] }).ready
  const { of } = await gateway.connection(0)
  const lists = Array.from({ length: 9 }, () => client.list())
  await lists[3]
  assert.equal(of('list').length, 4, 'five with the subscribe')
  await Promise.all(lists)
  assert.equal(of('list').length, 9)
})

test('an instrument that a snapshot left out had no value: a row of it that follows another is a loss', async t => {
  const gateway = await FakeGateway.open(t)
  const { client } = openClient(t, gateway.url)
  const sub = client.subscribe({ patterns: ['*:*:*'] })
  const gaps: string[] = []
  sub.on('gap', ({ key, have, p }) => gaps.push(`${key} ${have} ${p}`))
  await sub.ready
  const { say } = await gateway.connection(0)
  say(quotes('S1', 0, { D: 20 }))
  say(quotes('S1', 30, { E: 40 }))
  await gateway.connection(0, 'resync')
  assert.deepEqual(gaps, ['E 0 30'])
})

test('rows that are newer than a snapshot stay when it comes', async t => {
  const gateway = await FakeGateway.open(t)
  const { client } = openClient(t, gateway.url)
  const sub = client.subscribe({ patterns: ['*:*:*'] })
  let snapshots = 0
  sub.on('snapshot', () => snapshots++)
  await sub.ready
  const { say } = await gateway.connection(0)
  say(snapshot('S1', { A: 20 }, { final: false }))
  say(quotes('S1', 10, { A: 30 }))
  say(quotes('S1', 0, { D: 31 }))
  say(snapshot('S1', { B: 20 }))
  await waitUntil('the snapshot came', () => snapshots === 2)
  assert.deepEqual([...sub.board].map(([key, { q }]) => [key, q]).sort(), [
    ['A', 30],
    ['B', 20],
    ['D', 31]
  ])
})

test('a login that allows less: what is left goes on under another sid, and what is not ends as forbidden', async t => {
  const gateway = await FakeGateway.open(t)
  const { client } = openClient(t, gateway.url)
  const [left, gone] = [client.subscribe({ keys: ['A'] }), client.subscribe({ keys: ['B'] })]
  await Promise.all([left.ready, gone.ready])
  const { say } = await gateway.connection(0)
  say({ type: 'updated', id: 77, from: 'S1', sub: subInfo('S8') })
  say({ type: 'unsubscribed', id: 77, sids: ['S2'] })
  say(quotes('S8', 10, { A: 11 }))
  await waitUntil('its rows come', () => left.board.get('A')?.q === 11)
  assert.deepEqual([left.info?.sid, left.hasEnded, gone.hasEnded], ['S8', false, true])
})

test('a message of an unknown type answers no request, whatever its id', async t => {
  const gateway = await FakeGateway.open(t, {
    answer({ type, id }, { say }) {
      if (type === 'list') say({ type: 'progress', id })
      return false
    }
  })
  const { client, errors } = openClient(t, gateway.url)
  await client.subscribe({ keys: ['A'] }).ready
  assert.deepEqual(await client.list(), [])
  assert.deepEqual(errors, [])
})
