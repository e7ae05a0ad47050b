import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { waitUntil } from '../test/kit/wait-until.ts'
import type { Load } from './fan-out/loads.ts'
import { startGateway } from './fan-out/servers/start-gateway.ts'
import type { CrowdTask, PublisherTask, Received } from './fan-out/task.ts'
import { type Part, startPart } from './kit/part.ts'
import { residentKib } from './kit/resident-kib.ts'
import { say } from './kit/say.ts'
import { withScope } from './kit/scope.ts'
import { median } from './kit/statistics.ts'

/**
 * What do clients notice when some others stop reading? The push engine and its port run in a process, the clients in another one. Each
 * pair is two windows in which all read (their ratio is the noise), and one in which some do not: the same clients, the same load.
 */
const PAIRS = 5
const STALLED = 10
const WINDOW_MS = 6_000
const FULL_MS = 10_000
const LIMIT = 1.5

const LOAD: Load = {
  title: '1,000 clients want the newest of 1,500 symbols ten times a second',
  clients: 1_000,
  symbols: 1_500,
  watched: 1_500,
  quotesPerSecond: 500,
  intervalMs: 100,
  sampleEvery: 20,
  warmUpMs: 4_000,
  measureMs: WINDOW_MS
}

interface Pair {
  first: Received
  second: Received
  stalled: Received
  /** Resident memory of the gateway, before and behind the window with stalled clients. */
  mib: [before: number, behind: number]
  /** Ticks that the stalled clients were left out of. */
  skipped: number
}

export async function run(): Promise<void> {
  const readers = LOAD.clients / LOAD.sampleEvery
  console.log(
    `${LOAD.title}; ${LOAD.quotesPerSecond} quotes/s. ${STALLED} of them stop reading; ${readers} others are read in full.`
  )
  const pairs: Pair[] = []
  for (let n = 1; n <= PAIRS; n++) {
    const pair = await runPair()
    pairs.push(pair)
    printPair(n, pair)
  }
  report(pairs)
}

function runPair(): Promise<Pair> {
  return withScope(async scope => {
    const gateway = await startGateway(scope, 'quotecast', 'updates')
    const { port, publishPort, originMicros } = gateway
    const form = 'updates'
    const task: CrowdTask = { load: LOAD, form, dialect: 'quotecast', port, originMicros, checked: true }
    const crowd = await startPart(scope, script('crowd'), task)
    const publisherTask: PublisherTask = { load: LOAD, form, outlet: 'feed', port: publishPort }
    const publisher = await startPart(scope, script('publisher'), publisherTask)
    await crowd.call('connect')
    await crowd.call('subscribe')
    await publisher.call('start')
    await delay(LOAD.warmUpMs)

    const first = await observe(crowd)
    const second = await observe(crowd)
    const mibBefore = mibOf(gateway.pid)
    const ticksSkipped = async () => (await gateway.counters()).ticksSkipped ?? 0
    const skippedBefore = await ticksSkipped()
    await crowd.call('stall', STALLED)
    await waitUntil(
      'the stalled clients are left out',
      async () => (await ticksSkipped()) >= skippedBefore + 2 * STALLED,
      FULL_MS
    )
    const stalled = await observe(crowd)
    const skipped = (await ticksSkipped()) - skippedBefore
    return { first, second, stalled, mib: [mibBefore, mibOf(gateway.pid)], skipped }
  })
}

function script(name: string): string {
  return join(import.meta.dirname, 'fan-out', `${name}.ts`)
}

async function observe(crowd: Part<unknown>): Promise<Received> {
  await crowd.call('begin')
  await delay(LOAD.measureMs)
  return crowd.call<Received>('end')
}

function mibOf(pid: number): number {
  return Math.round((residentKib(pid) ?? Number.NaN) / 1024)
}

function printPair(n: number, { first, second, stalled, mib, skipped }: Pair): void {
  const p99s = (of: 'late' | 'age') => [first, second, stalled].map(one => one[of].p99.toFixed(1)).join(', ')
  console.log(
    `pair ${n}: p99 while all read, again, while ${STALLED} do not: late ${p99s('late')} ms, age ${p99s('age')} ms; gateway ${mib.join(' -> ')} MiB; ${skipped} ticks skipped`
  )
}

/**
 * How late frames came after they were due, and how old their quotes were, as ratios of p99. Lateness is the sharper one, but a frame that
 * is late by more than the interval counts for the next due time: the age tells that.
 */
function report(pairs: readonly Pair[]): void {
  const ratios = Object.fromEntries(
    (['late', 'age'] as const).map(of => [
      of,
      {
        ratio: round(
          median(pairs.map(({ first, second, stalled }) => stalled[of].p99 / ((first[of].p99 + second[of].p99) / 2)))
        ),
        noise: pairs.map(({ first, second }) => round(second[of].p99 / first[of].p99))
      }
    ])
  )
  for (const [of, { ratio, noise }] of Object.entries(ratios)) {
    console.log(`A/A, ${of}: ${noise.join(', ')}`)
    say(ratio <= LIMIT, `${of}: the others' p99 is ${ratio} of that while all read (at most ${LIMIT})`)
  }
  const broken = pairs.reduce((sum, { stalled: { broken } }) => sum + broken.lost + broken.doubled, 0)
  say(broken === 0, `${broken} rows of the others told of a loss or came twice (none)`)
  const grownMiB = median(pairs.map(({ mib: [before, behind] }) => behind - before))
  console.log(`       the gateway's memory grew by ${grownMiB} MiB meanwhile`)
  console.log(JSON.stringify({ bench: 'stalled', clients: LOAD.clients, stalled: STALLED, ratios, broken, grownMiB }))
}

function round(value: number): number {
  return Number(value.toFixed(2))
}
