import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Scope } from '../../test/kit/clean-up.ts'
import { type LocalCluster, startCluster } from '../../test/kit/local-cluster.ts'
import type { Followed, FollowersTask } from './followers.ts'
import { type Part, startPart } from './part.ts'
import { pollPart } from './poll-part.ts'

/** From the publisher's begin: every symbol has a value before somebody asks for it. */
const FILL_MS = 10_000
const START_MS = 120_000

/** A publisher, NATS, MariaDB, Redis, storage, latest and two gateways, with clients that all have what they asked for. */
export async function startFollowerCluster(
  scope: Scope,
  quotesPerSecond: number,
  task: Omit<FollowersTask, 'ports'>
): Promise<{ cluster: LocalCluster; gateways: NonNullable<LocalCluster['nodes'][string]>; clients: Part<unknown> }> {
  const cluster = await startCluster(scope, { buffer: 1, storage: 1, latest: 1, gateway: 2 })
  const gateways = cluster.nodes.gateway ?? []
  const server = cluster.nats[0]?.server ?? ''
  await startPart(scope, join(import.meta.dirname, 'publisher.ts'), { server, rate: quotesPerSecond })
  await delay(FILL_MS)
  const given: FollowersTask = { ...task, ports: gateways.map(({ port }) => port) }
  const clients = await startPart(scope, join(import.meta.dirname, 'followers.ts'), given)
  await pollPart<Followed>(clients, START_MS, ({ live }) => live === task.clients)
  return { cluster, gateways, clients }
}
