import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RowQueue } from '../../client/row-queue.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { type FakeConnection, FakeGateway, type Message, quotes, snapshot, subInfo } from './fake-gateway.ts'
import { openClient } from './open-client.ts'

const RESUMES = { features: ['resume'] }

/** A gateway that answers `resume` with this, and then sends the rest. */
const resuming = (answer: object, ...then: object[]) => ({
  welcome: RESUMES,
  answer({ type, id }: Message, { say }: FakeConnection) {
    if (type !== 'resume') return false
    say({ type: 'resumed', id, ...answer })
    then.forEach(say)
    return true
  }
})

test('recovered: the client says where it was, gets what it missed, and keeps its board', async t => {
  const answer = { recovered: true, replayed: 1, subs: [{ ...subInfo('S1'), q: 30, recovered: true }] }
  const gateway = await FakeGateway.open(t, resuming(answer, quotes('S1', 20, { A: 30 })))
  const { client } = openClient(t, gateway.url)
  const sub = client.subscribe({ keys: ['A'], mode: 'all' })
  const told: string[] = []
  sub.on('snapshot', () => told.push('snapshot'))
  sub.on('gap', () => told.push('gap'))
  sub.on('rows', ({ rows }) => told.push(`rows ${rows[0]?.q}`))
  await sub.ready
  const rows = sub.rows() as RowQueue<{ key: string; q: number }>
  const first = await gateway.connection(0)
  first.say(quotes('S1', 10, { A: 20 }))
  await waitUntil('the row came', () => sub.board.get('A')?.q === 20)
  first.socket.terminate()
  const second = await gateway.connection(1, 'resume')
  await waitUntil('the missed row came', () => sub.board.get('A')?.q === 30)
  const { id, ...asked } = second.of('resume')[0] ?? { id: 0 }
  const pos = [{ sid: 'S1', q: 20 }]
  assert.deepEqual(asked, { type: 'resume', session: 's_0', resumeToken: 't_0', epoch: 'E1', pos, policy: 'replay' })
  assert.deepEqual(told, ['snapshot', 'rows 20', 'rows 30'])
  assert.equal(second.of('subscribe').length, 0)
  const read = []
  for (let i = 0; i < 5; i++) read.push((await rows.next()).value?.q)
  assert.deepEqual(read, [10, 10, 10, 20, 30])

  second.socket.terminate()
  const third = await gateway.connection(2, 'resume')
  assert.deepEqual([third.of('resume')[0]?.session, third.of('resume')[0]?.pos], ['s_1', [{ sid: 'S1', q: 30 }]])
})

test('a position is not claimed before what was missed is there', async t => {
  const answer = { recovered: true, replayed: 1, subs: [{ ...subInfo('S1'), q: 500, recovered: true }] }
  const gateway = await FakeGateway.open(t, resuming(answer))
  const { client } = openClient(t, gateway.url)
  await client.subscribe({ keys: ['A'] }).ready
  ;(await gateway.connection(0)).socket.terminate()
  await gateway.connection(1, 'resume')
  await waitUntil('it is live again', () => client.state === 'live')
  gateway.connections[1]?.socket.terminate()
  const third = await gateway.connection(2, 'resume')
  assert.deepEqual(third.of('resume')[0]?.pos, [{ sid: 'S1', q: 10 }])
})

test('not recovered, but known: the snapshot replaces the board, and mode all is told of the loss', async t => {
  const answer = { recovered: false, reason: 'too_old', subs: [{ ...subInfo('S1'), recovered: false }] }
  const gateway = await FakeGateway.open(t, resuming(answer, snapshot('S1', { A: 90 })))
  const { client } = openClient(t, gateway.url)
  const sub = client.subscribe({ keys: ['A'], mode: 'all' })
  await sub.ready
  const rows = sub.rows()
  ;(await gateway.connection(0)).socket.terminate()
  const second = await gateway.connection(1, 'resume')
  await waitUntil('the board was replaced', () => sub.board.size === 1 && sub.board.get('A')?.q === 90)
  assert.equal(second.of('subscribe').length, 0)
  for (let i = 0; i < 3; i++) await rows.next()
  await assert.rejects(rows.next(), { code: 'lost' })
})

for (const [name, answer] of Object.entries({
  'an unknown session': { type: 'resumed', recovered: false, reason: 'unknown_session', subs: [] },
  'an unknown session, told without a list': { type: 'resumed', recovered: false, reason: 'unknown_session' },
  'a refusal': { type: 'error', code: 440, name: 'cannot_resume', message: '', retry: false }
})) {
  test(`${name}: everything is subscribed to again`, async t => {
    const gateway = await FakeGateway.open(t, resuming(answer))
    const { client } = openClient(t, gateway.url)
    const sub = client.subscribe({ keys: ['A'] })
    await sub.ready
    ;(await gateway.connection(0)).socket.terminate()
    await gateway.connection(1, 'subscribe')
    await waitUntil('it is served again', () => sub.info?.sid === 'S2' && client.state === 'live')
  })
}

test('what was unsubscribed, subscribed and lost in between is put right after the resume', async t => {
  const subs = ['S1', 'S2'].map(sid => ({ ...subInfo(sid), recovered: true }))
  const gateway = await FakeGateway.open(t, resuming({ recovered: true, subs }))
  const { client } = openClient(t, gateway.url, { firstRetryMs: 200, maxRetryMs: 200, random: () => 1 })
  const [stays, goes] = [client.subscribe({ keys: ['A'] }), client.subscribe({ keys: ['B'] })]
  await Promise.all([stays.ready, goes.ready])
  const first = await gateway.connection(0)
  // A gap whose repair does not come any more.
  first.say(quotes('S1', 50, { A: 60 }))
  await waitUntil('the gap was seen', () => stays.position === null)
  first.socket.terminate()
  await waitUntil('the client waits', () => client.state === 'waiting')
  await goes.unsubscribe()
  const comes = client.subscribe({ keys: ['C'] })
  await comes.ready
  const second = await gateway.connection(1, 'unsubscribe')
  assert.deepEqual(second.of('unsubscribe')[0]?.sids, ['S2'])
  assert.deepEqual(second.of('resume')[0]?.pos, [], 'a board with a gap asks for a snapshot')
  assert.deepEqual(second.of('subscribe')[0]?.subs, [{ keys: ['C'] }])
})

test('after a bye that rules a resume out, it is not tried', async t => {
  const gateway = await FakeGateway.open(t, { welcome: RESUMES })
  const { client } = openClient(t, gateway.url)
  await client.subscribe({ keys: ['A'] }).ready
  const { say, socket } = await gateway.connection(0)
  say({ type: 'bye', reason: 'drain', close: 4200, inMs: 0, reconnectAfterMs: 0, resume: false })
  socket.close(4200)
  const second = await gateway.connection(1, 'subscribe')
  assert.equal(second.of('resume').length, 0)
})

test('a subscription goes on from a position that another client had', async t => {
  const gateway = await FakeGateway.open(t, {
    welcome: { features: ['since'] },
    answer({ type, id }, { say }) {
      if (type !== 'subscribe') return false
      say({ type: 'subscribed', id, subs: [{ ...subInfo('S1'), q: 30, recovered: true, replayed: 1 }], rejected: [] })
      say(quotes('S1', 20, { A: 30 }))
      return true
    }
  })
  const { client } = openClient(t, gateway.url)
  const since = { epoch: 'E1', q: 20 }
  const sub = client.subscribe({ keys: ['A'], since })
  await sub.ready
  await waitUntil('the missed row came', () => sub.position?.q === 30)
  const first = await gateway.connection(0)
  first.socket.terminate()
  const second = await gateway.connection(1, 'subscribe')
  const asked = [first, second].map(connection => connection.of('subscribe')[0]?.subs)
  assert.deepEqual(asked, [
    [{ keys: ['A'], since }],
    [{ keys: ['A'], since: { epoch: 'E1', q: 30, policy: 'replay' }, snapshot: true }]
  ])
})

test('a board with a gap, begun without a snapshot, asks for one on the next connection', async t => {
  const gateway = await FakeGateway.open(t, { welcome: { features: ['since'] } })
  const { client } = openClient(t, gateway.url)
  const sub = client.subscribe({ keys: ['A'], snapshot: false })
  await sub.ready
  const { say, socket } = await gateway.connection(0)
  say(quotes('S1', 50, { A: 60 }))
  await waitUntil('the gap was seen', () => sub.position === null)
  socket.terminate()
  const second = await gateway.connection(1, 'subscribe')
  assert.deepEqual(second.of('subscribe')[0]?.subs, [{ keys: ['A'], snapshot: true }])
  await waitUntil('the board is whole', () => sub.position !== null)
})
