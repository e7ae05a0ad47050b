import { STREAMS } from '../lib/buffer/streams.ts'
import { findBinary } from '../lib/cluster/find-binary.ts'
import { canSyncAlways } from '../lib/cluster/nats-server.ts'
import type { Scope } from '../test/kit/clean-up.ts'
import { startNatsCluster } from '../test/kit/nats-cluster.ts'
import { startNatsServer } from '../test/kit/nats-server.ts'
import { fullBatches } from './kit/full-quotes.ts'
import { openPublisher } from './kit/open-publisher.ts'
import { withScope } from './kit/scope.ts'
import { Latencies, median } from './kit/statistics.ts'

/**
 * What does it cost that an acknowledgement means more: that the disk has the batch, that other servers have it? One publisher
 * process, batches of 100 full quotes, the servers taking turns.
 */
const ROUNDS = 3
const BATCH = 100
const WARM_UP_MS = 1_000
const MEASURE_MS = 3_000
/** Batches under way at once. */
const WINDOWS = [1, 32] as const

interface Setup {
  outlives: string
  servers: string[]
  replicas: number
}

interface Measured {
  quotesPerSecond: number
  p50: number
  p99: number
}

export async function run(): Promise<void> {
  await withScope(async scope => {
    const setups = await startAll(scope)
    const results = new Map<string, Measured[]>()
    for (let round = 0; round < ROUNDS; round++) {
      for (const setup of setups) {
        for (const window of WINDOWS) {
          const name = `${setup.outlives}; ${window} under way`
          results.set(name, [...(results.get(name) ?? []), await measure(setup, window)])
        }
      }
    }
    console.log(
      `Confirmed publishes of ${BATCH} full quotes; medians of ${ROUNDS} rounds. All servers share this machine's disk.`
    )
    const rows = Object.fromEntries([...results].map(([name, measured]) => [name, summary(measured)]))
    console.table(rows)
    console.log(JSON.stringify({ bench: 'ack', ...rows }))
  })
}

async function startAll(scope: Scope): Promise<Setup[]> {
  const setups: Setup[] = []
  const single = await startNatsServer(scope)
  setups.push({ outlives: 'a killed process', servers: [single.server], replicas: 1 })
  const binary = await findBinary('nats-server', 'nats-server')
  if (await canSyncAlways(binary)) {
    const synced = await startNatsServer(scope, { syncAlways: true })
    setups.push({ outlives: 'a power failure', servers: [synced.server], replicas: 1 })
  } else {
    console.log(
      `'a power failure' left out: ${binary} refuses sync_interval: always. It takes nats-server 2.10 or newer:`
    )
    console.log('  PATH=<its folder>:$PATH npm run bench ack')
  }
  const { servers } = await startNatsCluster(scope)
  setups.push({ outlives: 'the loss of a server of three', servers, replicas: 3 })
  return setups
}

async function measure({ servers, replicas }: Setup, window: number): Promise<Measured> {
  return withScope(async scope => {
    const streams = STREAMS.map(spec => ({ ...spec, replicas }))
    const publish = await openPublisher(scope, servers, streams)
    const pool = fullBatches(window + 1, BATCH)
    const latencies = new Latencies()
    const begin = performance.now() + WARM_UP_MS
    const end = begin + MEASURE_MS
    let next = 0
    const keep = async () => {
      for (let now = performance.now(); now < end; now = performance.now()) {
        await publish(pool[next++ % pool.length]!)
        if (now >= begin) latencies.add((performance.now() - now) * 1_000)
      }
    }
    await Promise.all(Array.from({ length: window }, keep))
    return {
      quotesPerSecond: (latencies.count * BATCH * 1_000) / MEASURE_MS,
      p50: latencies.percentile(0.5),
      p99: latencies.percentile(0.99)
    }
  })
}

function summary(measured: readonly Measured[]) {
  const middle = (value: (one: Measured) => number) => median(measured.map(value))
  return {
    'quotes/s': Math.round(middle(({ quotesPerSecond }) => quotesPerSecond)),
    'p50 ms': Number(middle(({ p50 }) => p50).toFixed(2)),
    'p99 ms': Number(middle(({ p99 }) => p99).toFixed(2))
  }
}
