import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Row } from '../../client/index.ts'
import { RowQueue } from '../../client/row-queue.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { FakeGateway, quotes, snapshot } from './fake-gateway.ts'
import { openClient } from './open-client.ts'

const row = (key: string, p: number, q: number, n = 1): Row => ({ key, p, q, n })

async function drain(queue: RowQueue<Row>): Promise<Row[]> {
  const rows: Row[] = []
  for await (const one of queue) rows.push(one)
  return rows
}

test('a slow consumer gets the latest of each instrument, with p of the first and the sum of n, in order of arrival', async () => {
  const queue = new RowQueue<Row>(
    () => false,
    1,
    () => {}
  )
  for (let q = 1; q <= 1000; q++) queue.push([row('A', q - 1, q), row('B', q - 1, q, 2)])
  queue.end()
  assert.deepEqual(await drain(queue), [
    { key: 'A', p: 0, q: 1000, n: 1000 },
    { key: 'B', p: 0, q: 1000, n: 2000 }
  ])
})

test('a lossless queue keeps every row up to its bound, and with one more says so', async () => {
  const queue = new RowQueue<Row>(
    () => true,
    3,
    () => {}
  )
  queue.push([row('A', 0, 1), row('A', 1, 2), row('A', 2, 3)])
  assert.equal((await queue.next()).value?.q, 1)
  queue.push([row('A', 3, 4)])
  assert.equal((await queue.next()).value?.q, 2)
  queue.push([row('A', 4, 5), row('A', 5, 6)])
  await assert.rejects(drain(queue), { code: 'consumer_slow' })
  assert.equal((await queue.next()).done, true)
})

test('a row goes to who waits for it; the end reaches everybody', async () => {
  let done = 0
  const queue = new RowQueue<Row>(
    () => true,
    3,
    () => done++
  )
  const waiting = [queue.next(), queue.next(), queue.next()]
  queue.push([row('A', 0, 1), row('A', 1, 2)])
  queue.end()
  queue.end()
  assert.deepEqual(
    (await Promise.all(waiting)).map(({ value, done }) => (done ? 'end' : value?.q)),
    [1, 2, 'end']
  )
  assert.equal(done, 1)
})

test('for await begins with the board, goes on with what comes, and leaves nothing behind', async t => {
  const gateway = await FakeGateway.open(t)
  const { client } = openClient(t, gateway.url)
  const sub = client.subscribe({ keys: ['A', 'B', 'C'] })
  await sub.ready
  const { say } = await gateway.connection(0)
  const seen: string[] = []
  for await (const { key, q } of sub) {
    seen.push(`${key} ${q}`)
    if (seen.length === 3) say(quotes('S1', 10, { B: 11 }))
    if (seen.length === 4) break
  }
  assert.deepEqual(seen, ['A 10', 'B 10', 'C 10', 'B 11'])
})

test('in mode all a loss ends the iterator with "lost", in mode conflate it goes on', async t => {
  const gateway = await FakeGateway.open(t)
  const { client } = openClient(t, gateway.url)
  const all = client.subscribe({ keys: ['A'], mode: 'all' })
  const latest = client.subscribe({ keys: ['A'] })
  await Promise.all([all.ready, latest.ready])
  const { say } = await gateway.connection(0)
  const ofAll = all.rows()
  const ofLatest = latest.rows()
  for (const sid of ['S1', 'S2']) say(quotes(sid, 20, { A: 30 }))
  await waitUntil('both have it', () => all.board.get('A')?.q === 30 && latest.board.get('A')?.q === 30)
  await assert.rejects(drain(ofAll as RowQueue<Row>), { code: 'lost' })
  const first = await ofLatest.next()
  assert.equal(first.value?.q, 30)
})

test('in mode all a snapshot that jumps over updates is a loss, one that does not is none', async t => {
  const gateway = await FakeGateway.open(t)
  const { client } = openClient(t, gateway.url)
  const sub = client.subscribe({ keys: ['A'], mode: 'all' })
  const missed: boolean[] = []
  sub.on('snapshot', event => missed.push(event.missed))
  await sub.ready
  const { say } = await gateway.connection(0)
  const rows = sub.rows()
  say(snapshot('S1', { A: 10, B: 10, C: 10 }))
  say(snapshot('S1', { A: 15, B: 10, C: 10 }))
  await waitUntil('both came', () => missed.length === 3)
  assert.deepEqual(missed, [false, false, true])
  await assert.rejects(drain(rows as RowQueue<Row>), { code: 'lost' })
})

test('the end of a playback, which this client does not know, disturbs nothing', async t => {
  const gateway = await FakeGateway.open(t)
  const { client, errors } = openClient(t, gateway.url)
  const subscription = client.subscribe({ keys: ['A'] })
  await waitUntil('it has subscribed', () => gateway.connections[0]?.of('subscribe').length === 1)
  const connection = gateway.connections[0]
  connection?.say({ type: 'played', sid: 'S1', q: 5, time: 9, rows: 3 })
  connection?.say({ type: 'played', sid: 'else', q: 5, time: 9, rows: 3, code: 503, name: 'not_ready', message: 'x' })
  connection?.say(snapshot('S1', { A: 20 }))
  await waitUntil('the snapshot was taken', () => subscription.board.get('A')?.q === 20)
  assert.deepEqual([gateway.connections.length, errors], [1, []])
})
