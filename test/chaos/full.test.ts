import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { SchedulerStats } from '../../lib/schedule/scheduler.ts'
import type { StreamState } from '../../lib/transport/stream-control.ts'
import { type ConfirmedLoad, startLoad } from '../kit/confirmed-load.ts'
import { joinCluster, type LocalCluster, startCluster } from '../kit/local-cluster.ts'
import { type NatsServer, startNatsServer } from '../kit/nats-server.ts'
import { mountSmallDisk, type SmallDisk } from '../kit/small-disk.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { AUDIT_GROUP, Audit } from './audit.ts'
import { Follower } from './follower.ts'
import { judge } from './verdict.ts'

const KEYS = Array.from({ length: 20 }, (_, index) => `load:spot:S${index}`)
const QUOTES_PER_SECOND = 4_000
/** Little enough to be full within seconds. */
const MAX_BYTES = 512 * 1024
const STREAMS = `
streams:
  quotes: { maxBytes: 512KiB, keep: 1s, groups: { ${AUDIT_GROUP}: all } }
  work: { maxBytes: 1MiB }
`

/** Of it the server gives three quarters to streams: these, and 256 MiB of dead letters. */
const DISK_MIB = 400

/** Many times the pause between two batches of the load. */
const STANDSTILL_MS = 2_000

interface Running {
  cluster: LocalCluster
  load: ConfirmedLoad
  /** Ends the load and everything that publishes, then compares. */
  end(): Promise<void>
}

async function start(t: TestContext, nats: NatsServer): Promise<Running> {
  const topology = { buffer: 1, exchange: 1, storage: 1, latest: 1, gateway: 1, fetcher: 1, scheduler: 1 }
  const cluster = await startCluster(t, topology, { nats: [nats], streams: STREAMS })
  const audit = new Audit()
  await joinCluster(t, [nats.server], STREAMS, broker => audit.attach(broker))
  const followers = (cluster.nodes.gateway ?? []).map(({ port }) => new Follower(t, port))
  const broker = await joinCluster(t, [nats.server], STREAMS)
  const load = startLoad(t, broker, { keys: KEYS, quotesPerSecond: QUOTES_PER_SECOND })
  await waitUntil('something is confirmed', () => load.confirmed() > 0)
  const end = async () => {
    await load.stop()
    for (const name of ['scheduler', 'fetcher']) await Promise.all((cluster.nodes[name] ?? []).map(node => node.stop()))
    await judge(t, { cluster, load, loadKeys: KEYS, streamed: audit.ids, followers })
  }
  return { cluster, load, end }
}

function assertAllAlive({ nodes }: LocalCluster, stopped: readonly string[] = []): void {
  for (const [name, processes] of Object.entries(nodes)) {
    if (!stopped.includes(name))
      for (const node of processes) assert.ok(node.alive(), `${name} ended: ${node.output()}`)
  }
}

test('a stream without room: nothing is confirmed that is not stored, the scheduler slows down, and all goes on when there is room', async t => {
  const { cluster, load, end } = await start(t, await startNatsServer(t))
  const { broker, nodes } = cluster
  const fill = async () => {
    const [quotes] = await broker.call<StreamState[]>('buffer.streams')
    return (quotes?.bytes ?? 0) / MAX_BYTES
  }
  const scheduler = () => broker.call<SchedulerStats>('scheduler.stats')
  const [storage] = nodes.storage ?? []
  await storage?.stop()
  await waitUntil('the stream is full', async () => (await fill()) > 0.95, 60_000)
  await waitUntil('the scheduler leaves slots out', async () => (await scheduler()).stretch === 4)
  const confirmed = load.confirmed()
  await waitUntil('slots were left out', async () => (await scheduler()).slots.skipped > 0)
  assertAllAlive(cluster, ['storage'])
  await storage?.restart()
  await waitUntil('publishing goes on', () => load.confirmed() > confirmed + QUOTES_PER_SECOND, 60_000)
  await waitUntil('the pressure is over', async () => (await scheduler()).stretch === 1)
  await end()
})

test("JetStream's disk filled, freed and its server restarted: no node ends, and nothing that was confirmed is lost", async t => {
  let disk: SmallDisk | undefined
  const nats = await startNatsServer(t, {
    prepare: async ({ dir }) => {
      disk = mountSmallDisk(t, dir, DISK_MIB)
    }
  })
  if (disk === undefined) return t.skip('mounting a small disk takes root on Linux')
  const { cluster, load, end } = await start(t, nats)
  await disk.fill()
  let confirmed = -1
  let changed = 0
  const stands = () => {
    if (load.confirmed() !== confirmed) changed = performance.now()
    confirmed = load.confirmed()
    return performance.now() - changed > STANDSTILL_MS
  }
  await waitUntil('nothing is confirmed any more', stands)
  assertAllAlive(cluster)
  await disk.free()
  // nats-server stays silent after it failed to write: it has to be started again.
  await nats.restart()
  await waitUntil('publishing goes on', () => load.confirmed() > confirmed + QUOTES_PER_SECOND, 60_000)
  await end()
})
