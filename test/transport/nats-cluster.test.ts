import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ServiceBroker } from 'moleculer'
import { connect } from 'nats'
import { streamControlOf } from '../../lib/transport/stream-control.ts'
import { cleanUp } from '../kit/clean-up.ts'
import { type NatsCluster, type NatsClusterServer, startNatsCluster } from '../kit/nats-cluster.ts'
import { waitUntil } from '../kit/wait-until.ts'
import {
  allSeen,
  isConfirmed,
  makeReplicatedNode,
  replicatedStreams,
  startSteadyLoad,
  THINGS
} from './replicated-things.ts'
import { ascending, happen, listener, range } from './things.ts'

/** The server that a node is connected to. */
function serverOf(node: ServiceBroker, { nodes }: NatsCluster): NatsClusterServer {
  const transporter: unknown = node.transit?.tx
  const { client } = transporter as { client: { getServer(): string } }
  const found = nodes.find(({ server }) => server === client.getServer())
  assert.ok(found, `one of the cluster, got ${client.getServer()}`)
  return found
}

async function followerOf(cluster: NatsCluster, stream: string): Promise<NatsClusterServer> {
  const leader = await cluster.leaderOf(stream)
  const follower = cluster.nodes.find(node => node !== leader && node.alive())
  assert.ok(follower)
  return follower
}

test('cluster: a follower, the leader of the stream and the publisher’s server killed under load: nothing lost, nothing stored twice, no gap', async t => {
  const cluster = await startNatsCluster(t)
  const groups = ['first', 'second', 'gateway@a'].map(group => listener(group))
  const consumer = await makeReplicatedNode(t, cluster, groups)
  const publisher = await makeReplicatedNode(t, cluster)
  await publisher.start()
  await consumer.start()
  const load = startSteadyLoad(publisher)
  await load.more(200)

  const kills: string[] = []
  const kill = async (kind: string, victim: NatsClusterServer) => {
    kills.push(`${kind} (${victim.name})`)
    await victim.kill9()
    await load.more(200)
    await victim.restart()
    await cluster.whenCurrent()
  }
  await kill('a follower', await followerOf(cluster, THINGS))
  await kill('the leader', await cluster.leaderOf(THINGS))
  await kill('the publisher’s', serverOf(publisher, cluster))
  await load.stop()

  const { confirmed } = load
  for (const group of groups) assert.deepEqual(await allSeen(group, confirmed.length), ascending(confirmed))
  const control = streamControlOf(publisher)
  const [things] = await control.streams()
  const stored = (things?.lastSequence ?? 0) - (things?.firstSequence ?? 0) + 1
  assert.equal(stored, confirmed.length, 'each is stored once')
  const [, , reader] = groups
  assert.deepEqual(
    reader?.seen.map(({ sequence }) => sequence),
    range(1, stored + 1),
    'the reader has no gap'
  )
  assert.deepEqual(
    groups.map(({ consuming }) => consuming.map(({ epoch }) => epoch)),
    groups.map(() => [things?.epoch]),
    'nobody has to begin anew'
  )
  assert.equal((await control.deadLetters.page(0, 1)).count, 0)
  const { publishRetries } = control.counters()
  const { redelivered, reopened } = streamControlOf(consumer).counters()
  t.diagnostic(`killed: ${kills.join(', ')}`)
  t.diagnostic(`confirmed ${confirmed.length}, stored ${stored}, lost 0, doubled 0`)
  t.diagnostic(
    `repeated ${publishRetries}, refused ${load.refused()}, redelivered ${redelivered}, reopened ${reopened}`
  )
})

test('cluster: a node that starts while a server is down starts and works', async t => {
  const cluster = await startNatsCluster(t)
  const publisher = await makeReplicatedNode(t, cluster)
  await publisher.start()
  await happen(publisher, 0)
  const victim = await followerOf(cluster, THINGS)
  await victim.kill9()

  const groups = ['first', 'second', 'gateway@a'].map(group => listener(group))
  const consumer = await makeReplicatedNode(t, cluster, groups)
  await consumer.start()
  for (const n of range(1, 20)) while (!(await isConfirmed(consumer, n)));
  const [first, second, reader] = groups
  for (const group of [first, second]) assert.deepEqual(await allSeen(group!, 20), range(0, 20))
  // It began behind what the tail group had acknowledged by then.
  await waitUntil('the reader has begun', () => reader?.consuming[0] !== undefined, 60_000)
  const after = reader?.consuming[0]?.after ?? 0
  assert.deepEqual(await allSeen(reader!, 20 - after), range(after, 20))
})

test('cluster: streams in memory on three servers outlive the loss of their leader, which gets its copy again', async t => {
  const cluster = await startNatsCluster(t)
  const streams = replicatedStreams.map(spec => ({ ...spec, storage: 'memory' as const }))
  const first = listener('first')
  const node = await makeReplicatedNode(t, cluster, [first], { streams })
  await node.start()
  for (const n of range(0, 10)) await happen(node, n)
  const victim = await cluster.leaderOf(THINGS)
  await victim.kill9()
  for (const n of range(10, 20)) while (!(await isConfirmed(node, n)));
  await victim.restart()
  await cluster.whenCurrent()
  assert.equal((await victim.view()).get(THINGS)?.lastSequence, 20)
  assert.deepEqual(await allSeen(first, 20), range(0, 20))
  assert.deepEqual(new Set(first.seen.map(({ n, sequence }) => sequence - n)), new Set([1]))
})

test('cluster: a restart with another number of replicas in the table moves a stream to three servers and back, with its epoch and the places of its groups', async t => {
  const cluster = await startNatsCluster(t)
  const admin = await connect({ servers: cluster.servers })
  cleanUp(t, () => admin.close())
  const manager = await admin.jetstreamManager()
  const epochs = new Set<string>()
  for (const [round, replicas] of [1, 3, 1].entries()) {
    const first = listener('first')
    const streams = replicatedStreams.map(spec => ({ ...spec, replicas }))
    const node = await makeReplicatedNode(t, cluster, [first], { streams })
    await node.start()
    for (const n of range(round * 10, round * 10 + 10)) while (!(await isConfirmed(node, n)));
    assert.deepEqual(await allSeen(first, 10), range(round * 10, round * 10 + 10), 'it goes on where it was')
    for (const { epoch } of first.seen) epochs.add(epoch)
    await cluster.whenCurrent()
    for (const { cluster: group } of [
      await manager.streams.info(THINGS),
      await manager.consumers.info(THINGS, 'first'),
      await manager.streams.info('MOL-dead')
    ]) {
      assert.equal(group?.replicas?.length ?? 0, replicas - 1)
    }
    const [things] = await streamControlOf(node).streams()
    assert.equal(things?.ack.replicaLosses, replicas === 3 ? 1 : 0)
    assert.equal(things?.groups[0]?.ackFloor, round * 10 + 10)
    await node.stop()
  }
  assert.equal(epochs.size, 1)
})
