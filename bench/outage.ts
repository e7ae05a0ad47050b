import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { GroupLag } from '../services/buffer.service.ts'
import { type LocalCluster, startCluster } from '../test/kit/local-cluster.ts'
import { MemoryWatch } from './kit/memory-watch.ts'
import { type Part, startPart } from './kit/part.ts'
import { say } from './kit/say.ts'
import { withScope } from './kit/scope.ts'
import { median } from './kit/statistics.ts'
import type { Received } from './outage/client.ts'

/**
 * What do clients of the gateway notice when the database is away for a minute, and how fast is its backlog made up for? Each pair
 * is two windows with the database (their ratio is the noise), and one without it: the same system, the same load, in turns.
 */
const PAIRS = 5
const RATE = 10_000
const CLIENTS = 4
const WITH_MS = 20_000
const WITHOUT_MS = 60_000
/** After a change, so that a window begins with it and not before. */
const SETTLE_MS = 3_000
// One process stores as much as the database takes; a second one competes with it for the same pages.
const TOPOLOGY = { buffer: 1, storage: 1, latest: 1, gateway: 1 }
/** Events of storage that are under way all the time. */
const CAUGHT_UP = 50
const DRAIN_MS = 300_000

interface Published {
  published: number
  failed: number
}

interface Peers {
  publisher: Part<null>
  client: Part<null>
}

interface Pair {
  first: Received
  second: Received
  without: Received
  drain: Drain
}

interface Drain {
  /** Quotes that waited when the database was back. */
  backlog: number
  /** Quotes that storage stored meanwhile, those that arrived among them, per second. */
  quotesPerSecond: number
  seconds: number
  p99: number
}

export async function run(): Promise<void> {
  await withScope(async scope => {
    const cluster = await startCluster(scope, TOPOLOGY)
    const server = cluster.nats[0]?.server ?? ''
    const port = cluster.nodes.gateway?.[0]?.port ?? 0
    const peers: Peers = {
      publisher: await startPart(scope, join(import.meta.dirname, 'kit/publisher.ts'), { server, rate: RATE }),
      client: await startPart(scope, join(import.meta.dirname, 'outage/client.ts'), { port, clients: CLIENTS })
    }
    const memory = new MemoryWatch(() => pidsOf(cluster, peers))
    console.log(`${RATE} full quotes/s in batches of 100; ${CLIENTS} clients want every one at once; ${PAIRS} pairs.`)
    await delay(2 * SETTLE_MS)
    memory.takePeaks()
    const pairs: Pair[] = []
    const peaks = { with: new Map<string, number>(), without: new Map<string, number>() }
    try {
      for (let n = 0; n < PAIRS; n++) {
        const first = await observe(peers, WITH_MS)
        const second = await observe(peers, WITH_MS)
        merge(peaks.with, memory.takePeaks())
        await cluster.mariadb.kill9()
        const without = await observe(peers, WITHOUT_MS)
        const drain = await drainBacklog(cluster, peers)
        merge(peaks.without, memory.takePeaks())
        pairs.push({ first, second, without, drain })
        printPair(n + 1, pairs.at(-1) as Pair)
        await delay(SETTLE_MS)
      }
    } finally {
      memory.stop()
    }
    report(pairs, peaks, await published(peers))
  })
}

function pidsOf({ nats, mariadb, redis, nodes }: LocalCluster, { publisher, client }: Peers): Map<string, number> {
  const processes = [
    ...Object.entries(nodes).flatMap(([name, list]) =>
      list.map((node, n) => [`${name} ${n + 1}`, node.pid()] as const)
    ),
    ...nats.map(one => ['nats-server', one.pid()] as const),
    ['mariadb', mariadb.pid()] as const,
    ['redis', redis.pid()] as const,
    ['(publisher)', publisher.pid] as const,
    ['(clients)', client.pid] as const
  ]
  return new Map(processes.flatMap(([name, pid]) => (pid === undefined ? [] : [[name, pid] as const])))
}

async function observe({ client }: Peers, ms: number): Promise<Received> {
  await delay(SETTLE_MS)
  await received(client)
  await delay(ms)
  return received(client)
}

function received(client: Part<null>): Promise<Received> {
  return client.call('tell')
}

function published({ publisher }: Peers): Promise<Published> {
  return publisher.call('tell')
}

/** Starts the database again and waits until storage has nothing left. */
async function drainBacklog({ broker, mariadb }: LocalCluster, peers: Peers): Promise<Drain> {
  await mariadb.restart()
  const begin = performance.now()
  const backlog = (await storageLag(broker)) * 100
  const { published: before } = await published(peers)
  await received(peers.client)
  while ((await storageLag(broker)) > CAUGHT_UP) {
    if (performance.now() - begin > DRAIN_MS) throw new Error(`storage did not catch up within ${DRAIN_MS} ms`)
    await delay(100)
  }
  const seconds = (performance.now() - begin) / 1_000
  const { published: after } = await published(peers)
  const quotesPerSecond = Math.round((backlog + after - before) / seconds)
  return { backlog, quotesPerSecond, seconds: Number(seconds.toFixed(1)), p99: (await received(peers.client)).p99 }
}

async function storageLag(broker: LocalCluster['broker']): Promise<number> {
  const lags = await broker.call<GroupLag[]>('buffer.lag')
  return lags.find(({ group }) => group === 'storage')?.pending ?? Number.POSITIVE_INFINITY
}

function merge(into: Map<string, number>, peaks: ReadonlyMap<string, number>): void {
  for (const [name, mib] of peaks) into.set(name, Math.max(mib, into.get(name) ?? 0))
}

function printPair(n: number, { first, second, without, drain }: Pair): void {
  const p99s = [first, second, without].map(({ p99 }) => p99.toFixed(1)).join(', ')
  console.log(
    `pair ${n}: p99 with, with, without the database: ${p99s} ms; then ${drain.backlog} quotes waited and ${drain.quotesPerSecond}/s were stored for ${drain.seconds} s (p99 ${drain.p99.toFixed(1)} ms)`
  )
}

function report(
  pairs: readonly Pair[],
  peaks: Record<'with' | 'without', ReadonlyMap<string, number>>,
  { failed }: Published
): void {
  const names = [...new Set([...peaks.with.keys(), ...peaks.without.keys()])]
  console.log('Peak resident memory, MiB')
  console.table(
    Object.fromEntries(
      names.map(name => [name, { 'with the database': peaks.with.get(name), 'away and back': peaks.without.get(name) }])
    )
  )
  const ratio = median(pairs.map(({ first, second, without }) => without.p99 / ((first.p99 + second.p99) / 2)))
  const noise = pairs.map(({ first, second }) => second.p99 / first.p99)
  const drain = median(pairs.map(({ drain: { quotesPerSecond } }) => quotesPerSecond)) / RATE
  const rows = pairs.reduce((sum, { without }) => sum + without.rows, 0)
  console.log(`A/A: ${noise.map(value => value.toFixed(2)).join(', ')}; ${failed} quotes were not confirmed`)
  say(ratio <= 1.5, `p99 without the database is ${ratio.toFixed(2)} of that with it (at most 1.5)`)
  say(drain >= 5, `the backlog drains at ${drain.toFixed(1)} times the arrival rate (at least 5)`)
  console.log(
    JSON.stringify({
      bench: 'outage',
      p99Ratio: round(ratio),
      noise: noise.map(round),
      drainRatio: round(drain),
      unconfirmed: failed,
      rowsWithout: rows,
      peaksMiB: Object.fromEntries(peaks.without)
    })
  )
}

function round(value: number): number {
  return Number(value.toFixed(2))
}
