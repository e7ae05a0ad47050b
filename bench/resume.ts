import { setTimeout as delay } from 'node:timers/promises'
import type { Followed } from './kit/followers.ts'
import { pollPart } from './kit/poll-part.ts'
import { say } from './kit/say.ts'
import { withScope } from './kit/scope.ts'
import { startFollowerCluster } from './kit/start-follower-cluster.ts'

/**
 * How long does it take until all clients of a gateway that was killed have their prices again from another one, and what did they
 * miss? The whole cluster runs: publisher, NATS, MariaDB, Redis, latest and two gateways.
 */
const CLIENTS = 5_000
const SYMBOLS = 2_000
const RATE = 2_000
const STEADY_MS = 10_000
const RECOVERY_MS = 60_000
/** What the clients count goes on for so long after all are back. */
const AFTER_MS = 5_000
const TARGET_MS = 5_000

export async function run(): Promise<void> {
  await withScope(async scope => {
    const task = { clients: CLIENTS, symbols: SYMBOLS, intervalMs: 1_000, spread: false }
    const { gateways, clients } = await startFollowerCluster(scope, RATE, task)
    await delay(STEADY_MS)
    const before = await clients.call<Followed>('tell')
    console.log(
      `${CLIENTS} clients of 20 of ${SYMBOLS} symbols a second, ${RATE} full quotes/s; their gateway is killed.`
    )
    await gateways[0]?.kill9()
    await pollPart<Followed>(clients, RECOVERY_MS, ({ recoveryMs }) => recoveryMs !== null)
    await delay(AFTER_MS)
    const { recoveryMs, resumed, lost, doubled, rows } = await clients.call<Followed>('tell')
    console.log(
      `resumed: ${JSON.stringify(resumed)}; ${rows - before.rows} rows since, ${lost} told of a loss, ${doubled} doubled`
    )
    say(
      recoveryMs !== null && recoveryMs < TARGET_MS,
      `all had their prices again after ${recoveryMs} ms (less than ${TARGET_MS})`
    )
    say(lost + doubled === 0 && resumed.recovered === CLIENTS, 'each was given all that it missed, and nothing twice')
    console.log(JSON.stringify({ bench: 'resume', clients: CLIENTS, recoveryMs, resumed, lost, doubled }))
  })
}
