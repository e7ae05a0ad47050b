import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { FeedServiceStats } from '../../services/feed.service.ts'
import type { LocalCluster } from '../../test/kit/local-cluster.ts'
import { cpuMicros } from '../kit/cpu-time.ts'
import { type Part, startPart } from '../kit/part.ts'
import { withScope } from '../kit/scope.ts'
import type { ClientsTask, Seen } from './clients.ts'
import type { Lateness } from './exchange.ts'
import type { Hop, HopName } from './hops.ts'
import { partAtStream } from './stored-time.ts'

/** One window with so many clients. */
export interface Measured {
  hops: Record<HopName, Hop>
  /** Rows that a client read per second. */
  rowsPerSecond: number
  quotesPerEvent: number
  rowsPerFrame: number
  lost: number
  doubled: number
  lateness: Lateness
  /** Shares of a processor in percent, by process. */
  cpu: Record<string, number>
}

const WARM_UP_MS = 3_000
const READERS = 5

/** Starts clients in a process of their own, and reads what they saw after a warm-up. */
export function measure(
  cluster: LocalCluster,
  exchange: Part<number>,
  clients: number,
  measureMs: number
): Promise<Measured> {
  return withScope(async scope => {
    const task: ClientsTask = { port: cluster.nodes.gateway?.[0]?.port ?? 0, clients, readers: READERS }
    const part = await startPart(scope, join(import.meta.dirname, 'clients.ts'), task)
    await delay(WARM_UP_MS)
    const pids = pidsOf(cluster, { exchange: exchange.pid, clients: part.pid })
    await part.call('begin')
    await exchange.call('tell')
    const before = { cpu: pids.map(([, pid]) => cpuMicros(pid)), feed: await feedOf(cluster), at: performance.now() }
    await delay(measureMs)
    const seen = await part.call<Seen>('end')
    const ms = performance.now() - before.at
    const after = { cpu: pids.map(([, pid]) => cpuMicros(pid)), feed: await feedOf(cluster) }
    const lateness = await exchange.call<Lateness>('tell')
    const { publish, deliver } = await partAtStream(cluster.nats[0]?.server ?? '', seen.samples)
    return {
      hops: { ...seen.hops, publish, deliver },
      rowsPerSecond: (seen.rows / Math.min(clients, READERS) / ms) * 1_000,
      quotesPerEvent: (after.feed.published - before.feed.published) / (after.feed.batches - before.feed.batches),
      rowsPerFrame: seen.rows / seen.frames,
      lost: seen.lost,
      doubled: seen.doubled,
      lateness,
      cpu: Object.fromEntries(pids.map(([name], n) => [name, ((after.cpu[n]! - before.cpu[n]!) / 1_000 / ms) * 100]))
    }
  })
}

async function feedOf({ broker }: LocalCluster): Promise<{ published: number; batches: number }> {
  const { feeds } = await broker.call<FeedServiceStats>('feed.stats')
  const sum = (count: (feed: FeedServiceStats['feeds'][number]) => number) =>
    feeds.reduce((total, feed) => total + count(feed), 0)
  return { published: sum(({ published }) => published), batches: sum(({ batches }) => batches) }
}

function pidsOf(
  { nats, mariadb, redis, nodes }: LocalCluster,
  own: Record<string, number>
): (readonly [name: string, pid: number])[] {
  const servers = { 'nats-server': nats[0], mariadb, redis }
  const processes = [
    ...Object.entries(nodes).flatMap(([name, list]) => list.map(node => [name, node.pid()] as const)),
    ...Object.entries(servers).map(([name, server]) => [name, server?.pid()] as const),
    ...Object.entries(own)
  ]
  return processes.flatMap(([name, pid]) => (pid === undefined ? [] : [[name, pid] as const]))
}
