import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { seededRandom } from '../../lib/exchange/random.ts'
import { startLoad } from '../kit/confirmed-load.ts'
import { joinCluster, type LocalCluster, startCluster } from '../kit/local-cluster.ts'
import { isLongForm } from '../kit/long-form.ts'
import { type NatsCluster, startNatsCluster } from '../kit/nats-cluster.ts'
import { AUDIT_GROUP, Audit } from './audit.ts'
import { Follower } from './follower.ts'
import { stopIntake } from './stop-intake.ts'
import { judge } from './verdict.ts'
import { type Victim, Victims } from './victims.ts'

const KEYS = Array.from({ length: 50 }, (_, index) => `load:spot:S${index}`)
const QUOTES_PER_SECOND = 2_000
const TOPOLOGY = { buffer: 1, exchange: 1, storage: 2, latest: 2, gateway: 2, fetcher: 2, feed: 1, scheduler: 1 }
const STREAMS = `
streams:
  quotes: { replicas: 3, groups: { ${AUDIT_GROUP}: all } }
  work: { replicas: 3 }
`
const QUOTES_STREAM = 'MOL-quotes'
/** How long pairs are killed by chance. */
const RANDOM_MS = isLongForm ? 18 * 60_000 : 60_000
const DOWN_MS = 500
const PAUSE_MS = 1_500
const STORAGE_AWAY_MS = 5_000

test('every kind of process killed with -9, then two by chance every few seconds, and all storage away: nothing lost, nothing doubled, boards equal', async t => {
  const nats = await startNatsCluster(t)
  const cluster = await startCluster(t, TOPOLOGY, { nats: nats.nodes, streams: STREAMS })
  const audit = new Audit()
  await joinCluster(t, nats.servers, STREAMS, broker => audit.attach(broker))
  const followers = (cluster.nodes.gateway ?? []).map(({ port }) => new Follower(t, port))
  const seed = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000)
  t.diagnostic(`CHAOS_SEED=${seed} repeats the choice of victims`)
  const victims = new Victims(victimsOf(cluster), seededRandom(seed))
  const load = startLoad(t, await joinCluster(t, nats.servers, STREAMS), {
    keys: KEYS,
    quotesPerSecond: QUOTES_PER_SECOND
  })

  await delay(PAUSE_MS)
  for (const victim of victims.oneOfEach) {
    await victims.kill([victim], DOWN_MS)
  }
  await killLeader(nats, victims)
  await stopAllStorage(cluster)
  for (const end = performance.now() + RANDOM_MS; performance.now() < end; ) {
    await victims.kill(victims.twoAtRandom(), DOWN_MS)
    await delay(PAUSE_MS)
  }
  await killLeader(nats, victims)
  t.diagnostic(`killed with -9: ${victims.summary}`)

  await load.stop()
  await stopIntake(t, cluster)
  await judge(t, { cluster, load, loadKeys: KEYS, streamed: audit.ids, followers })
})

function victimsOf({ nats, mariadb, redis, nodes }: LocalCluster): Victim[] {
  return [
    ...Object.entries(nodes).flatMap(([kind, processes]) => processes.map(process => ({ kind, process }))),
    ...nats.map(process => ({ kind: 'nats-server', process })),
    { kind: 'mariadb', process: mariadb },
    { kind: 'redis', process: redis }
  ]
}

async function killLeader(nats: NatsCluster, victims: Victims): Promise<void> {
  await nats.whenCurrent()
  const leader = await nats.leaderOf(QUOTES_STREAM)
  await victims.kill([{ kind: 'leader of the stream', process: leader }], DOWN_MS)
}

async function stopAllStorage({ nodes: { storage = [] } }: LocalCluster): Promise<void> {
  await Promise.all(storage.map(node => node.stop()))
  await delay(STORAGE_AWAY_MS)
  await Promise.all(storage.map(node => node.restart()))
}
