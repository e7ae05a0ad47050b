import assert from 'node:assert/strict'
import { test } from 'node:test'
import { waitUntil } from '../kit/wait-until.ts'
import { type FakeConnection, FakeGateway, type Message } from './fake-gateway.ts'
import { openClient } from './open-client.ts'

const AUTH = { auth: 'required' }
const refuse = ({ type, id }: Message, { say }: FakeConnection): boolean => {
  if (type === 'auth') say({ type: 'error', id, code: 402, name: 'auth_failed', message: 'no', retry: false })
  return type === 'auth'
}

test('the login comes first, with a token or a key', async t => {
  const gateway = await FakeGateway.open(t, { welcome: AUTH })
  for (const [index, auth] of [{ token: 'T' }, { key: 'K' }].entries()) {
    const { client } = openClient(t, gateway.url, { auth })
    await client.subscribe({ keys: ['A'] }).ready
    const { asked } = await gateway.connection(index)
    assert.deepEqual(asked[0], { type: 'auth', id: 1, ...auth })
    assert.equal(asked[1]?.type, 'subscribe')
  }
})

test('whose login it is and what it gave is told, also when it is renewed', async t => {
  const gateway = await FakeGateway.open(t, { welcome: AUTH })
  const { client } = openClient(t, gateway.url, { auth: { key: 'K' } })
  const told: unknown[] = []
  client.on('login', ({ user, plan, expiresAt }) => told.push([client.state, user, plan, expiresAt]))
  await client.subscribe({ keys: ['A'] }).ready
  assert.deepEqual(told, [['connecting', 'u', 'pro', null]])
  ;(await gateway.connection(0)).say({ type: 'expiring', inMs: 30_000 })
  await waitUntil('it was told again', () => told.length === 2)
})

test('a gateway that does not authenticate is not told who the client is', async t => {
  const gateway = await FakeGateway.open(t)
  const { client } = openClient(t, gateway.url, { auth: { token: 'T' } })
  await client.subscribe({ keys: ['A'] }).ready
  assert.equal((await gateway.connection(0)).of('auth').length, 0)
})

test('a login that expires is renewed on the same connection, with a fresh credential', async t => {
  const gateway = await FakeGateway.open(t, { welcome: AUTH })
  let given = 0
  const { client } = openClient(t, gateway.url, { auth: async () => ({ token: `T${++given}` }) })
  await client.subscribe({ keys: ['A'] }).ready
  ;(await gateway.connection(0)).say({ type: 'expiring', inMs: 30_000 })
  const { of } = await gateway.connection(0, 'auth', 2)
  assert.deepEqual(
    of('auth').map(({ token }) => token),
    ['T1', 'T2']
  )
  assert.equal(client.state, 'live')
  assert.equal(gateway.connections.length, 1)
})

test('a fixed credential that is refused ends the client; nothing is subscribed to without it', async t => {
  const gateway = await FakeGateway.open(t, { welcome: { auth: 'optional' }, answer: refuse })
  const { client, errors } = openClient(t, gateway.url, { auth: { token: 'T' } })
  const sub = client.subscribe({ keys: ['A'] })
  await assert.rejects(sub.ready, { code: 'auth_failed' })
  assert.equal(client.state, 'closed')
  assert.equal(gateway.connections.length, 1)
  assert.equal(gateway.connections[0]?.of('subscribe').length, 0)
  assert.deepEqual(
    errors.map(({ code }) => code),
    ['auth_failed']
  )
})

test('a function that gives no good credential is asked again at the next attempt, also when it throws', async t => {
  const gateway = await FakeGateway.open(t, {
    welcome: AUTH,
    answer: (message, connection) => message.token !== 'good' && refuse(message, connection)
  })
  const gives = [{ token: 'bad' }, new Error('the login server is away'), { token: 'good' }]
  const { client, errors } = openClient(t, gateway.url, {
    auth: () => {
      const next = gives.shift()
      if (next instanceof Error) throw next
      return next ?? { token: 'good' }
    }
  })
  await client.subscribe({ keys: ['A'] }).ready
  assert.equal(gateway.connections.length, 3)
  assert.deepEqual(
    errors.map(({ code, cause }) => [code, (cause as Error | undefined)?.message]),
    [
      ['auth_failed', undefined],
      ['auth_failed', 'the login server is away']
    ]
  )
})

test('an expired login brings the client back when a function can give a fresh one', async t => {
  const gateway = await FakeGateway.open(t, { welcome: AUTH })
  let given = 0
  const { client } = openClient(t, gateway.url, { auth: () => ({ token: `T${++given}` }) })
  await client.subscribe({ keys: ['A'] }).ready
  ;(await gateway.connection(0)).socket.close(4001, 'expired')
  const second = await gateway.connection(1, 'subscribe')
  assert.equal(second.of('auth')[0]?.token, 'T2')
})

test('a login that is not answered is tried again over a new connection', async t => {
  const gateway = await FakeGateway.open(t, {
    welcome: AUTH,
    answer: ({ type }, _connection, index) => type === 'auth' && index === 0
  })
  const { client, errors } = openClient(t, gateway.url, { auth: { key: 'K' }, requestTimeoutMs: 50 })
  await client.subscribe({ keys: ['A'] }).ready
  await waitUntil('the second connection was let in', () => client.state === 'live')
  assert.deepEqual(
    errors.map(({ code }) => code),
    ['timeout']
  )
})
