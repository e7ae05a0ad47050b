import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { cleanUp, type Scope } from '../test/kit/clean-up.ts'
import { startCluster } from '../test/kit/local-cluster.ts'
import { type Part, startPart } from './kit/part.ts'
import { say } from './kit/say.ts'
import { withScope } from './kit/scope.ts'
import { median } from './kit/statistics.ts'
import type { ExchangeTask } from './latency/exchange.ts'
import { HOPS, type HopName } from './latency/hops.ts'
import { type Measured, measure } from './latency/measure.ts'

/**
 * How old is a quote when a client has it, and where did the time go? The whole cluster runs, each service a process: an exchange sends
 * frames to the feed's WebSocket, evenly and whatever becomes of them, and clients of the gateway want every quote at once.
 */
const ROUNDS = 3
const FRAMES_PER_SECOND = 5_000
const SYMBOLS = 500
const CLIENTS = [1, 50] as const
const MEASURE_MS = 20_000
const SETTLE_MS = 5_000
const P50_MS = 3
const P99_MS = 15

export async function run(): Promise<void> {
  await withScope(async scope => {
    const task: ExchangeTask = { framesPerSecond: FRAMES_PER_SECOND, symbols: SYMBOLS }
    const exchange = await startPart<number>(scope, join(import.meta.dirname, 'latency/exchange.ts'), task)
    const topology = { buffer: 1, storage: 1, latest: 1, feed: 1, gateway: 1 }
    const cluster = await startCluster(scope, topology, { env: { CONFIG: await writeMarkets(scope, exchange) } })
    console.log(
      `${FRAMES_PER_SECOND} frames/s of ${SYMBOLS} symbols; ${availableParallelism()} processors for all; medians of ${ROUNDS} rounds of ${MEASURE_MS / 1_000} s.`
    )
    await delay(SETTLE_MS)
    const rounds = new Map<number, Measured[]>(CLIENTS.map(clients => [clients, []]))
    for (let round = 0; round < ROUNDS; round++) {
      for (const clients of CLIENTS) rounds.get(clients)?.push(await measure(cluster, exchange, clients, MEASURE_MS))
    }
    for (const clients of CLIENTS) print(clients, rounds.get(clients) ?? [])
    judge(rounds)
  })
}

/** A source whose stream is the exchange of this benchmark. */
async function writeMarkets(scope: Scope, { ready: port }: Part<number>): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'quotecast-latency-'))
  cleanUp(scope, () => rm(dir, { recursive: true }))
  const file = join(dir, 'markets.yaml')
  const instruments = Array.from({ length: SYMBOLS }, (_, symbol) => `binance:spot:S${symbol}-USDT`)
  const markets = {
    sources: [{ name: 'binance', source: 'binance', stream: `ws://127.0.0.1:${port}` }],
    watchlists: [{ name: 'all', source: 'binance', instruments, stream: ['@bookTicker'] }]
  }
  // YAML takes JSON.
  await writeFile(file, JSON.stringify(markets))
  return file
}

function middle(rounds: readonly Measured[], value: (measured: Measured) => number): number {
  return median(rounds.map(value))
}

function print(clients: number, rounds: readonly Measured[]): void {
  const ms = (value: (measured: Measured) => number) => middle(rounds, value).toFixed(2)
  console.log(`\n${clients === 1 ? 'One client' : `${clients} clients`}, ms`)
  console.table(
    Object.fromEntries(
      (Object.keys(HOPS) as HopName[]).map(name => [
        HOPS[name],
        {
          p50: ms(({ hops }) => hops[name].p50),
          p99: ms(({ hops }) => hops[name].p99),
          'p99.9': ms(({ hops }) => hops[name].p999),
          least: ms(({ hops }) => hops[name].least)
        }
      ])
    )
  )
  const cpu = Object.keys(rounds[0]?.cpu ?? {}).map(
    name => `${name} ${middle(rounds, one => one.cpu[name] ?? Number.NaN).toFixed(0)}`
  )
  console.log(`Processor time, % of one: ${cpu.join(', ')}`)
  console.log(
    `${middle(rounds, one => one.rowsPerSecond).toFixed(0)} rows/s a client, ${ms(one => one.rowsPerFrame)} a frame; ${ms(one => one.quotesPerEvent)} quotes an event; the exchange was late by ${ms(({ lateness }) => lateness.p50)} (p50), ${ms(({ lateness }) => lateness.p99)} (p99)`
  )
}

function judge(rounds: ReadonlyMap<number, readonly Measured[]>): void {
  const results = Object.fromEntries(
    [...rounds].map(([clients, told]) => [
      clients,
      Object.fromEntries(
        (Object.keys(HOPS) as HopName[]).map(name => [
          name,
          [round(middle(told, ({ hops }) => hops[name].p50)), round(middle(told, ({ hops }) => hops[name].p99))]
        ])
      )
    ])
  )
  console.log('')
  for (const [clients, told] of rounds) {
    const p50 = middle(told, ({ hops }) => hops.whole.p50)
    const p99 = middle(told, ({ hops }) => hops.whole.p99)
    const who = clients === 1 ? 'one client' : `${clients} clients`
    say(p50 < P50_MS, `${who}: ${p50.toFixed(2)} ms from the feed's frame to the client's, p50 (below ${P50_MS})`)
    say(p99 < P99_MS, `${who}: ${p99.toFixed(2)} ms, p99 (below ${P99_MS})`)
  }
  const broken = [...rounds.values()].flat().reduce((sum, { lost, doubled }) => sum + lost + doubled, 0)
  say(broken === 0, `${broken} rows told of a loss or came twice (none)`)
  console.log(JSON.stringify({ bench: 'latency', clients: results, broken }))
}

function round(value: number): number {
  return Number(value.toFixed(2))
}
