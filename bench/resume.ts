import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startCluster } from '../test/kit/local-cluster.ts'
import { type PeerProcess, startPeer } from './kit/peer-process.ts'
import { withScope } from './kit/scope.ts'
import type { Followed } from './resume/clients.ts'

/**
 * How long does it take until all clients of a gateway that was killed have their prices again from another one, and what did they
 * miss? The whole cluster runs: publisher, NATS, MariaDB, Redis, latest and two gateways.
 */
const CLIENTS = 5_000
const SYMBOLS = 2_000
const RATE = 2_000
const STEADY_MS = 10_000
const START_MS = 120_000
const RECOVERY_MS = 60_000
/** What the clients count goes on for so long after all are back. */
const AFTER_MS = 5_000
const TARGET_MS = 5_000

export async function run(): Promise<void> {
  await withScope(async scope => {
    const cluster = await startCluster(scope, { buffer: 1, storage: 1, latest: 1, gateway: 2 })
    const [first, second] = cluster.nodes.gateway ?? []
    const server = cluster.nats[0]?.server ?? ''
    await startPeer(scope, join(import.meta.dirname, 'outage', 'publisher.ts'), [server, String(RATE)])
    // Every symbol has a value before somebody asks for it.
    await delay(STEADY_MS)
    const ports = `${first?.port},${second?.port}`
    const clients = await startPeer<Followed>(scope, join(import.meta.dirname, 'resume', 'clients.ts'), [
      ports,
      String(CLIENTS),
      String(SYMBOLS)
    ])
    await until(clients, START_MS, ({ live }) => live === CLIENTS)
    await delay(STEADY_MS)
    const before = await clients.ask()
    console.log(
      `${CLIENTS} clients of 20 of ${SYMBOLS} symbols a second, ${RATE} full quotes/s; their gateway is killed.`
    )
    await first?.kill9()
    await until(clients, RECOVERY_MS, ({ recoveryMs }) => recoveryMs !== null)
    await delay(AFTER_MS)
    const { recoveryMs, resumed, losses, duplicates, rows } = await clients.ask()
    console.log(
      `resumed: ${JSON.stringify(resumed)}; ${rows - before.rows} rows since, ${losses} losses, ${duplicates} duplicates`
    )
    say(
      recoveryMs !== null && recoveryMs < TARGET_MS,
      `all had their prices again after ${recoveryMs} ms (less than ${TARGET_MS})`
    )
    say(
      losses + duplicates === 0 && resumed.recovered === CLIENTS,
      'each was given all that it missed, and nothing twice'
    )
    console.log(JSON.stringify({ bench: 'resume', clients: CLIENTS, recoveryMs, resumed, losses, duplicates }))
  })
}

async function until(
  clients: PeerProcess<Followed>,
  timeoutMs: number,
  holds: (followed: Followed) => boolean
): Promise<void> {
  const end = performance.now() + timeoutMs
  for (let told = await clients.ask(); !holds(told); told = await clients.ask()) {
    if (performance.now() > end)
      throw new Error(`the clients did not come so far within ${timeoutMs} ms: ${JSON.stringify(told)}`)
    await delay(100)
  }
}

function say(met: boolean, text: string): void {
  console.log(`${met ? 'met   ' : 'MISSED'} ${text}`)
}
