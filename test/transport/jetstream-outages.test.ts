import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import type { Context, ServiceBroker } from 'moleculer'
import { streamControlOf } from '../../lib/transport/stream-control.ts'
import { startNatsServer } from '../kit/nats-server.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { openAdmin } from './open-admin.ts'
import { happen, listener, makeNode, range, thingStreams } from './things.ts'

function isConnected(node: ServiceBroker): boolean {
  return node.transit?.tx.connected === true
}

test('jetstream: a stream of dead letters that is gone is made again for the next one', async t => {
  const nats = await startNatsServer(t)
  const first = listener('first', () => {
    throw new Error('poison')
  })
  const node = await makeNode(t, { kind: 'nats', servers: [nats.server] }, [first.schema])
  await node.start()
  const { manager } = await openAdmin(t, nats.server)
  await manager.streams.delete('MOL-dead')
  await happen(node, 1)
  const control = streamControlOf(node)
  await waitUntil('it is kept', async () => (await control.deadLetters.page(0, 10)).count === 1)
  await waitUntil('it is settled', async () => (await control.streams())[0]?.groups[0]?.ackFloor === 1)
  assert.deepEqual([first.seen.length, control.counters().deadLetterFailures], [3, 0])
})

test('jetstream: while the server is away, requests and broadcasts are refused at once instead of filling a buffer', async t => {
  const nats = await startNatsServer(t)
  const heard: number[] = []
  const ear = {
    name: 'ear',
    actions: { hear: () => 'yes' },
    events: { 'note.sent': (ctx: Context<{ n: number }>) => void heard.push(ctx.params.n) }
  }
  const setting = { kind: 'nats', servers: [nats.server] } as const
  const node = await makeNode(t, setting, [])
  const other = await makeNode(t, setting, [ear])
  await Promise.all([node.start(), other.start()])
  await node.waitForServices('ear')
  await nats.kill9()
  await waitUntil('the node noticed', () => !isConnected(node))
  const broadcast = (n: number) => node.broadcast('note.sent', { n }, { throwError: true } as object)
  await assert.rejects(broadcast(1), { name: 'BrokerDisconnectedError', retryable: true })
  await assert.rejects(node.call('ear.hear'), { name: 'BrokerDisconnectedError', retryable: true })
  await nats.restart()
  await waitUntil('both are back', () => [node, other].every(isConnected))
  await waitUntil('it answers again', () => node.call('ear.hear').then(Boolean, () => false))
  await broadcast(2)
  await waitUntil('it is heard', () => heard.length > 0)
  assert.deepEqual(heard, [2])
})

test('jetstream: an event whose handler never ends comes again, also to the only node', async t => {
  const nats = await startNatsServer(t)
  const streams = thingStreams.map(spec => ({ ...spec, ackWaitMs: 200 }))
  const first = listener('first', (_n, count) => (count === 1 ? new Promise(() => undefined) : undefined))
  const node = await makeNode(t, { kind: 'nats', servers: [nats.server] }, [first.schema], {
    streams,
    stopBudgetMs: 100
  })
  await node.start()
  await happen(node, 1)
  const control = streamControlOf(node)
  await waitUntil('it is acknowledged', async () => (await control.streams())[0]?.groups[0]?.ackFloor === 1, 10_000)
  assert.equal(first.seen.length, 2)
  assert.equal(control.counters().overdue, 1)
})

test('jetstream: a stream that cannot be read does not hide the others', async t => {
  const account = (deny: string) =>
    `authorization { users: [{ user: quotecast, password: right, permissions: { publish: { deny: "${deny}" } } }] }`
  const nats = await startNatsServer(t, { config: account('nothing') })
  const setting = { kind: 'nats', servers: [nats.server], user: 'quotecast', password: 'right' } as const
  const node = await makeNode(t, setting, [listener('first').schema])
  await node.start()
  const control = streamControlOf(node)
  const names = async () => (await control.streams().catch(() => [])).map(({ name }) => name)
  assert.deepEqual(await names(), ['things', 'jobs'])
  const file = `${nats.dir}/nats.conf`
  const text = await readFile(file, 'utf8')
  const restartWith = async (config: string) => {
    await nats.kill9()
    await waitUntil('the node noticed', () => !isConnected(node))
    await writeFile(file, config)
    await nats.restart()
    await waitUntil('it is back', () => isConnected(node))
  }
  await restartWith(text.replace(account('nothing'), account('$JS.API.*.*.MOL-jobs')))
  await waitUntil('the other one is told', async () => (await names()).includes('things'))
  assert.deepEqual(await names(), ['things'])
  assert.ok(control.counters().failedLooks > 0)
  assert.equal(await control.makeRoom(), 0)
  for (const n of range(0, 3)) await happen(node, n)
  await restartWith(text)
  await waitUntil('both are told', async () => (await names()).length === 2)
})

test('jetstream: a deleted stream is made again by who looks at it, with all its groups', async t => {
  const nats = await startNatsServer(t)
  const node = await makeNode(t, { kind: 'nats', servers: [nats.server] }, [])
  await node.start()
  const { manager } = await openAdmin(t, nats.server)
  await manager.streams.delete('MOL-jobs')
  const [, jobs] = await streamControlOf(node).streams()
  assert.deepEqual([jobs?.name, jobs?.groups.map(({ group }) => group)], ['jobs', ['worker']])
})
