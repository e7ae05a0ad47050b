import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { AckPolicy, type ConsumerAPI, connect, type NatsConnection, type StreamInfo } from 'nats'
import { JetStreamAcks } from '../../lib/transport/jetstream-acks.ts'
import { troubleOf } from '../../lib/transport/jetstream-errors.ts'
import { JetStreamLink } from '../../lib/transport/jetstream-link.ts'
import { jetStreamNames } from '../../lib/transport/jetstream-names.ts'
import { JetStreamStreams } from '../../lib/transport/jetstream-streams.ts'
import { streamControlOf } from '../../lib/transport/stream-control.ts'
import { cleanUp } from '../kit/clean-up.ts'
import { type NatsCluster, type NatsClusterServer, startNatsCluster } from '../kit/nats-cluster.ts'
import { startNatsServer } from '../kit/nats-server.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { allSeen, isConfirmed, makeReplicatedNode, replicatedStreams, THINGS } from './replicated-things.ts'
import { happen, listener, range } from './things.ts'

async function connectTo(t: TestContext, servers: string | string[]): Promise<NatsConnection> {
  const connection = await connect({ servers, maxReconnectAttempts: -1 })
  cleanUp(t, () => connection.close())
  return connection
}

async function streamsOf(connection: NatsConnection, table = replicatedStreams): Promise<JetStreamStreams> {
  return new JetStreamStreams(await JetStreamLink.open(connection), jetStreamNames('MOL'), table)
}

const things = replicatedStreams[0]!

test('cluster: with two of three servers dead publishing is refused at the deadline, and goes on with a majority', async t => {
  const cluster = await startNatsCluster(t)
  const groups = ['first', 'second'].map(group => listener(group))
  const node = await makeReplicatedNode(t, cluster, groups, { publishDeadlineMs: 1_500 })
  await node.start()
  for (const n of range(0, 20)) await happen(node, n, `thing-${n}`)
  const leader = await cluster.leaderOf(THINGS)
  const others = cluster.nodes.filter(server => server !== leader)
  await Promise.all(others.map(server => server.kill9()))
  // The leader takes it, and learns from nobody that it is stored.
  await assert.rejects(happen(node, 20, 'thing-20'), { code: 'unconfirmed', retryable: true })
  const idle = await makeReplicatedNode(t, cluster, [])
  const starting = idle.start()
  await idle.stop()

  await others[0]?.restart()
  await waitUntil('the event is confirmed', () => isConfirmed(node, 20), 60_000)
  await starting
  await others[1]?.restart()
  for (const group of groups) assert.deepEqual(await allSeen(group, 21), range(0, 21))
  await cluster.whenCurrent()
  const [state] = await streamControlOf(node).streams()
  assert.equal(state?.lastSequence, 21, 'what was refused and repeated is stored once')
})

test('cluster: what a server tells of a stream without a leader is not believed: it may be behind', async t => {
  const cluster = await startNatsCluster(t)
  const node = await makeReplicatedNode(t, cluster)
  await node.start()
  for (const n of range(0, 10)) await happen(node, n)
  await cluster.whenCurrent()
  const leader = await cluster.leaderOf(THINGS)
  const late = cluster.nodes.find(server => server !== leader)
  assert.ok(late)
  await late.kill9()
  for (const n of range(10, 20)) while (!(await isConfirmed(node, n)));
  for (const server of cluster.nodes) await server.kill9()
  await late.restart()

  const connection = await connectTo(t, late.server)
  const manager = await connection.jetstreamManager({ checkAPI: false, timeout: 1_000 })
  let told: StreamInfo | undefined
  await waitUntil('it tells of the stream', async () => {
    told = await manager.streams.info(THINGS).catch(() => undefined)
    return told !== undefined
  })
  assert.equal(told?.state.last_seq, 10)
  const streams = await streamsOf(connection)
  await assert.rejects(streams.info(THINGS), { code: 'jetstream_unavailable', retryable: true })
  await assert.rejects(streams.ensureStream(things), { code: 'jetstream_unavailable', retryable: true })
})

test('cluster: a repetition that is told as stored under no sequence is not confirmed: its first copy may never be', async t => {
  const { server } = await startNatsServer(t)
  const connection = await connectTo(t, server)
  const answers = [{ seq: 0 }, { seq: 7 }]
  connection.subscribe('first.copy.under.way', {
    callback: (_error, message) => void message.respond(JSON.stringify({ duplicate: true, ...answers.shift() }))
  })
  const acks = new JetStreamAcks(await JetStreamLink.open(connection))
  const request = { subject: 'first.copy.under.way', data: Buffer.alloc(0), messageId: 'm', stream: 's' }
  const attempt = () => acks.publish({ ...request, timeoutMs: 5_000 })
  await assert.rejects(attempt(), error => troubleOf(error) === 'unreachable')
  assert.deepEqual(await attempt(), { sequence: 7, duplicate: true })
})

test('cluster: a stream for more servers than there are is refused for now', async t => {
  const { servers } = await startNatsCluster(t)
  const table = replicatedStreams.map(spec => ({ ...spec, replicas: 5 }))
  const streams = await streamsOf(await connectTo(t, servers), table)
  await assert.rejects(streams.ensureStream(table[0]!), { code: 'jetstream_unavailable', retryable: true })
})

test('cluster: making room takes nothing from a group of another table that nobody can tell of now', async t => {
  const cluster = await startNatsCluster(t)
  const streams = replicatedStreams.map(spec => ({ ...spec, maxBytes: 100_000 }))
  const groups = ['first', 'second'].map(group => listener(group))
  const node = await makeReplicatedNode(t, cluster, groups, { streams, publishDeadlineMs: 1_000 })
  await node.start()
  const { consumers } = await (await connectTo(t, cluster.servers)).jetstreamManager()
  const control = streamControlOf(node)
  const victim = await addGroupApart(cluster, consumers)
  assert.equal((await control.streams())[0]?.groups.length, 3)
  let stored = 0
  while (await isConfirmed(node, stored)) stored++
  for (const group of groups) await allSeen(group, stored)

  await victim.kill9()
  for (const group of ['first', 'second']) await cluster.leaderOf(THINGS, group)
  assert.equal(await control.makeRoom(), 0)
  await victim.restart()
  await waitUntil('the group is told of again', async () =>
    Boolean((await control.streams())[0]?.groups.some(({ group }) => group === 'audit'))
  )
  assert.equal(await control.makeRoom(), 0)
  assert.equal((await consumers.info(THINGS, 'audit')).num_pending, stored)
  await consumers.delete(THINGS, 'audit')
  assert.equal(await control.makeRoom(), stored, 'nobody needs it any more')
})

/** Adds a group that one server keeps, which leads nothing that making room needs. @returns that server. */
async function addGroupApart(cluster: NatsCluster, consumers: ConsumerAPI): Promise<NatsClusterServer> {
  const needed = [await cluster.leaderOf('meta'), await cluster.leaderOf(THINGS)]
  let apart: NatsClusterServer | undefined
  await waitUntil('the group is where nothing else is led', async () => {
    const config = { durable_name: 'audit', ack_policy: AckPolicy.Explicit, num_replicas: 1 }
    const { cluster: group } = await consumers.add(THINGS, config)
    apart = cluster.nodes.find(({ name }) => name === group?.leader)
    if (apart !== undefined && !needed.includes(apart)) return true
    await consumers.delete(THINGS, 'audit')
    return false
  })
  return apart as NatsClusterServer
}
