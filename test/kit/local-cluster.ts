import type { TestContext } from 'node:test'
import type { ServiceBroker } from 'moleculer'
import { connectBroker } from './confirmed-load.ts'
import { type MariadbServer, startMariadb } from './mariadb.ts'
import { type NatsServer, startNatsServer } from './nats-server.ts'
import type { PrivateProcess } from './private-process.ts'
import { startNode } from './quotecast-node.ts'
import { type RedisServer, startRedis } from './redis.ts'

/** How many processes of each service; `gateway: 2` gives `gateway` two entries in {@link LocalCluster.nodes}. */
export type Topology = Readonly<Record<string, number>>

export interface LocalCluster {
  nats: NatsServer
  mariadb: MariadbServer
  redis: RedisServer
  /** The processes of each service. */
  nodes: Record<string, PrivateProcess[]>
  /** A broker of the test's own in the cluster. */
  broker: ServiceBroker
  /** What a service's process is started with. */
  env: Record<string, string>
}

/** Private NATS, MariaDB and Redis, and one process per service as a cluster runs them. */
export async function startCluster(
  t: TestContext,
  topology: Topology,
  more: Record<string, string> = {}
): Promise<LocalCluster> {
  const [nats, mariadb, redis] = await Promise.all([startNatsServer(t), startMariadb(t), startRedis(t)])
  const env = { TRANSPORTER: `nats://${nats.server}`, HISTORY: mariadb.url, LATEST: redis.url, ...more }
  const nodes: Record<string, PrivateProcess[]> = {}
  for (const [service, count] of Object.entries(topology)) {
    nodes[service] = await Promise.all(Array.from({ length: count }, () => startNode(t, service, env)))
  }
  const broker = await connectBroker(t, nats.server)
  await broker.waitForServices(Object.keys(topology), 20_000, 50)
  return { nats, mariadb, redis, nodes, broker, env }
}
