import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ServiceBroker } from 'moleculer'
import { STREAMS } from '../../lib/buffer/streams.ts'
import { readStreams } from '../../lib/config/read-streams.ts'
import type { StreamSpec } from '../../lib/transport/stream-spec.ts'
import { cleanUp, type Scope } from './clean-up.ts'
import { makeBroker } from './make-broker.ts'
import { type MariadbServer, startMariadb } from './mariadb.ts'
import { type NatsServer, startNatsServer } from './nats-server.ts'
import type { PrivateProcess } from './private-process.ts'
import { startNode } from './quotecast-node.ts'
import { type RedisServer, startRedis } from './redis.ts'

/** How many processes of each service; `gateway: 2` gives `gateway` two entries in {@link LocalCluster.nodes}. */
export type Topology = Readonly<Record<string, number>>

export interface LocalClusterOptions {
  /** Servers that run already; without them one is started. */
  nats?: readonly NatsServer[]
  /** The content of a streams file for all nodes. */
  streams?: string
  /** More environment of every node. */
  env?: Record<string, string>
}

export interface LocalCluster {
  nats: readonly NatsServer[]
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
  t: Scope,
  topology: Topology,
  { nats: given, streams, env: more }: LocalClusterOptions = {}
): Promise<LocalCluster> {
  const [nats, mariadb, redis] = await Promise.all([
    given ?? startNatsServer(t).then(one => [one]),
    startMariadb(t),
    startRedis(t)
  ])
  const servers = nats.map(({ server }) => server)
  const env: Record<string, string> = {
    TRANSPORTER: `nats://${servers.join(',')}`,
    HISTORY: mariadb.url,
    LATEST: redis.url,
    ...(streams === undefined ? {} : { STREAMS: await writeStreams(t, streams) }),
    ...more
  }
  const start = async ([service, count]: [string, number]): Promise<[string, PrivateProcess[]]> => [
    service,
    await Promise.all(Array.from({ length: count }, () => startNode(t, service, env)))
  ]
  // The first makes the streams; the others find them.
  const [first, ...others] = Object.entries(topology)
  const started = first === undefined ? [] : [await start(first), ...(await Promise.all(others.map(start)))]
  const nodes = Object.fromEntries(started)
  const broker = await joinCluster(t, servers, streams)
  await broker.waitForServices(Object.keys(topology), 20_000, 50)
  return { nats, mariadb, redis, nodes, broker, env }
}

/** Another broker of the test's own, without services unless `prepare` gives it some before it starts. */
export async function joinCluster(
  t: Scope,
  servers: string[],
  streams?: string,
  prepare: (broker: ServiceBroker) => void = () => undefined
): Promise<ServiceBroker> {
  const broker = await makeBroker(t, { kind: 'nats', servers }, { streams: tableOf(streams) })
  prepare(broker)
  await broker.start()
  return broker
}

function tableOf(streams: string | undefined): readonly StreamSpec[] {
  return streams === undefined ? STREAMS : readStreams(streams, 'streams.yaml', STREAMS).streams
}

async function writeStreams(t: Scope, content: string): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'quotecast-streams-'))
  cleanUp(t, () => rm(dir, { recursive: true }))
  const file = join(dir, 'streams.yaml')
  await writeFile(file, content)
  return file
}
