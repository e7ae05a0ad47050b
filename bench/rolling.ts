import { setTimeout as delay } from 'node:timers/promises'
import type { ServiceBroker } from 'moleculer'
import type { PrivateProcess } from '../test/kit/private-process.ts'
import { waitUntil } from '../test/kit/wait-until.ts'
import type { Followed, Gaps } from './kit/followers.ts'
import type { Part } from './kit/part.ts'
import { say } from './kit/say.ts'
import { withScope } from './kit/scope.ts'
import { startFollowerCluster } from './kit/start-follower-cluster.ts'

/**
 * What do clients notice when all gateways are replaced one after the other, as for an update, while others come and leave? The
 * whole cluster runs: publisher, NATS, MariaDB, Redis, latest and two gateways; each is drained, ended and started again.
 */
const CLIENTS = 1_000
const SYMBOLS = 2_000
const RATE = 2_000
const INTERVAL_MS = 250
/** Of the clients, per minute. */
const CHURN = 0.1
const DRAIN_MS = 15_000
const STEADY_MS = 10_000
const START_MS = 60_000
const AFTER_MS = 5_000

export async function run(): Promise<void> {
  await withScope(async scope => {
    const task = { clients: CLIENTS, symbols: SYMBOLS, intervalMs: INTERVAL_MS, spread: true }
    const { cluster, gateways, clients } = await startFollowerCluster(scope, RATE, task)
    await clients.call('churn', CHURN)
    await clients.call('takeGaps')
    await delay(STEADY_MS)
    const gaps: Record<string, Gaps> = { before: await clients.call<Gaps>('takeGaps') }
    console.log(
      `${CLIENTS} clients of 20 of ${SYMBOLS} symbols every ${INTERVAL_MS} ms, ${RATE} full quotes/s; ${100 * CHURN} % of the clients leave per minute, and others come.`
    )
    for (const [index, gateway] of gateways.entries()) {
      await renew(cluster.broker, gateway)
      await delay(AFTER_MS)
      gaps[`gateway ${index + 1} is replaced`] = await clients.call<Gaps>('takeGaps')
    }
    await report(clients, gaps)
  })
}

/** Drains a gateway, ends it and starts it again. */
async function renew(broker: ServiceBroker, gateway: PrivateProcess): Promise<void> {
  const { node } = await health(gateway)
  await broker.call('gateway.drain', { inMs: DRAIN_MS }, { nodeID: node })
  await waitUntil(`${node} has no clients`, async () => (await health(gateway)).sessions === 0, 2 * DRAIN_MS)
  await gateway.stop()
  await gateway.restart()
  await waitUntil('the new gateway is ready', async () => (await health(gateway)).ready, START_MS)
}

async function health({ port }: PrivateProcess): Promise<{ node: string; sessions: number; ready: boolean }> {
  const response = await fetch(`http://127.0.0.1:${port}/health`)
  return (await response.json()) as { node: string; sessions: number; ready: boolean }
}

async function report(clients: Part<unknown>, gaps: Record<string, Gaps>): Promise<void> {
  const { rows, lost, doubled, replaced, resumed, refused } = await clients.call<Followed>('tell')
  console.log('Between two frames of one client, ms')
  console.table(gaps)
  console.log(
    `${rows} rows; ${replaced} clients replaced; resumed: ${JSON.stringify(resumed)}; refused: ${JSON.stringify(refused)}`
  )
  const { recovered = 0, ...others } = resumed
  const longest = Math.max(...Object.values(gaps).map(one => one.longest))
  say(lost + doubled === 0, `${lost} rows told of a loss, ${doubled} came twice (none)`)
  say(
    recovered > 0 && Object.keys(others).length === 0,
    `${recovered} resumptions gave what was missed, ${JSON.stringify(others)} began anew (none)`
  )
  console.log(`       the longest gap that a client saw is ${longest} ms`)
  console.log(JSON.stringify({ bench: 'rolling', clients: CLIENTS, rows, lost, doubled, replaced, resumed, gaps }))
}
