import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { ServiceBroker } from 'moleculer'
import { QuoteClient, type Row } from '../../client/index.ts'
import { seededRandom } from '../../lib/exchange/random.ts'
import { openLatest } from '../../lib/latest/open-latest.ts'
import { type BoardRow, visible } from '../../lib/quote/board.ts'
import { cleanUp } from '../kit/clean-up.ts'
import { type ConfirmedLoad, loadQuoteId, startLoad } from '../kit/confirmed-load.ts'
import { joinCluster, type LocalCluster, startCluster } from '../kit/local-cluster.ts'
import { isLongForm } from '../kit/long-form.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { type ClientReport, ClientWitness } from './client-witness.ts'
import { compareBoards, compareRunning, untilEqual, viewsOf } from './compare-boards.ts'
import { stopIntake } from './stop-intake.ts'
import { waitUntilDrained } from './verdict.ts'
import { type Victim, Victims } from './victims.ts'
import { openWitnessPage } from './witness-page.ts'

const KEYS = Array.from({ length: 50 }, (_, index) => `load:spot:S${index}`)
const QUOTES_PER_SECOND = 1_000
/** Instruments that fall silent in the middle of a kill: what a client then misses, no later row makes good. */
const SILENT_KEYS = 5
const SILENT_QUOTES_PER_SECOND = 200
const TOPOLOGY = { buffer: 1, exchange: 1, storage: 1, latest: 1, gateway: 2, fetcher: 1, feed: 1, scheduler: 1 }
/** What a killed consumer had taken is given to it again after that time, not after half a minute. */
const STREAMS = `
streams:
  quotes: { ackWait: 5s }
`
/** How long processes are killed in turn, each at least once. */
const KILLING_MS = isLongForm ? 10 * 60_000 : 36_000
const DOWN_MS = 500
const PAUSE_MS = 1_000

/** One in so many frames with quotes is kept from the client that loses some. */
const DROP_ONE_IN = 25
/** Errors of a gateway that is gone or not ready. */
const EXPLAINED = ['connection_lost', 'not_ready', 'timeout']

interface Witness {
  name: string
  /** Whether every frame reaches it, so that it must see no loss. */
  isLossless: boolean
  report(): ClientReport | Promise<ClientReport>
}

interface Load extends ConfirmedLoad {
  keys: readonly string[]
}

test('clients in Chromium and Node, and one that loses frames, while gateways, nats-server, Redis, latest and storage are killed with -9: all boards are right', async t => {
  const cluster = await startCluster(t, TOPOLOGY, { streams: STREAMS })
  const urls = (cluster.nodes.gateway ?? []).map(({ port }) => `ws://127.0.0.1:${port}`)
  const page = await openWitnessPage(t, urls.toReversed())
  if (page === undefined) return
  const seed = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000)
  t.diagnostic(`CHAOS_SEED=${seed} repeats the draws of lost frames`)
  const random = seededRandom(seed)
  let isLosing = true
  const inNode = new ClientWitness(QuoteClient, urls)
  const drops = (keys: string[]) => isLosing && keys.every(isLoud) && random.below(DROP_ONE_IN) === 0
  const losing = new ClientWitness(QuoteClient, urls, drops)
  cleanUp(t, () => {
    inNode.close()
    losing.close()
  })
  const witnesses: Witness[] = [
    { name: 'Node', isLossless: true, report: () => inNode.report },
    { name: 'Chromium', isLossless: true, report: page.report },
    { name: 'Node that loses frames', isLossless: false, report: () => losing.report }
  ]
  const servers = cluster.nats.map(({ server }) => server)
  const broker = await joinCluster(t, servers, STREAMS)
  const loads: Load[] = [startLoadOf(t, broker, KEYS, QUOTES_PER_SECOND)]
  await untilRowsCome(witnesses)

  const victims = new Victims(victimsOf(cluster), random)
  let compared = 0
  const end = performance.now() + KILLING_MS
  for (let round = 0; round === 0 || performance.now() < end; round++) {
    for (const victim of victims.oneOfEach) {
      if (round > 0 && performance.now() > end) break
      const keys = Array.from({ length: SILENT_KEYS }, (_, index) => `silent:spot:S${loads.length}-${index}`)
      const silent = startLoadOf(t, broker, keys, SILENT_QUOTES_PER_SECOND)
      loads.push(silent)
      await waitUntil('it is confirmed', () => silent.confirmed() >= SILENT_KEYS)
      await Promise.all([victims.kill([victim], DOWN_MS), delay(DOWN_MS / 2).then(silent.stop)])
      await untilRowsCome(witnesses)
      await delay(PAUSE_MS)
      const running = compareRunning(await loudRowsOf(witnesses))
      assert.deepEqual(running.differences.slice(0, 5), [], 'rows that two clients show with other values')
      compared += running.compared
    }
  }
  t.diagnostic(`killed with -9: ${victims.summary}; meanwhile ${compared} rows were compared`)
  assert.ok(compared > 0)

  isLosing = false
  await waitUntil('every loss can be seen', () => losing.report.lacking === 0)
  await Promise.all(loads.map(load => load.stop()))
  await stopIntake(t, cluster)
  await waitUntilDrained(cluster.broker)
  const differences = await compare(t, cluster, loads, witnesses)
  const sum = (count: (load: Load) => number) => loads.reduce((total, load) => total + count(load), 0)
  t.diagnostic(`confirmed ${sum(load => load.confirmed())}, refused and repeated ${sum(load => load.refused())}`)
  const reports = await Promise.all(witnesses.map(async witness => ({ ...witness, ...(await witness.report()) })))
  for (const { name, rows, counts } of reports)
    t.diagnostic(`${name}: ${rows.length} instruments, ${JSON.stringify(counts)}`)

  assert.deepEqual(differences.slice(0, 5), [], 'what differs')
  assert.deepEqual(page.thrown, [])
  for (const report of reports) judge(report, urls)
})

function startLoadOf(t: TestContext, broker: ServiceBroker, keys: readonly string[], quotesPerSecond: number): Load {
  return { keys, ...startLoad(t, broker, { keys, quotesPerSecond }) }
}

/** Whether more rows come of an instrument, so that the loss of one is seen. */
function isLoud(key: string): boolean {
  return KEYS.includes(key)
}

function victimsOf({ nats, redis, nodes }: LocalCluster): Victim[] {
  const { gateway = [], latest = [], storage = [] } = nodes
  return [
    ...gateway.map((process, index) => ({ kind: `gateway ${index + 1}`, process })),
    ...nats.map(process => ({ kind: 'nats-server', process })),
    { kind: 'redis', process: redis },
    ...latest.map(process => ({ kind: 'latest', process })),
    ...storage.map(process => ({ kind: 'storage', process }))
  ]
}

/** Waits until every client is live and has been given news since. */
async function untilRowsCome(witnesses: readonly Witness[]): Promise<void> {
  for (const { name, report } of witnesses) {
    const { counts } = structuredClone(await report())
    await waitUntil(`rows come to the client in ${name}`, async () => {
      const now = await report()
      return now.state === 'live' && now.counts.rows > counts.rows
    })
  }
}

async function loudRowsOf(witnesses: readonly Witness[]): Promise<{ name: string; rows: Row[] }[]> {
  const show = async ({ name, report }: Witness) => {
    const { rows } = await report()
    return { name, rows: rows.filter(({ key }) => isLoud(key)) }
  }
  return Promise.all(witnesses.map(show))
}

/** @returns what is wrong with the latest store and with the boards, when what is under way has arrived. */
async function compare(
  t: TestContext,
  { redis }: LocalCluster,
  loads: readonly Load[],
  witnesses: readonly Witness[]
): Promise<string[]> {
  const latest = await openLatest(redis.url)
  cleanUp(t, () => latest.close())
  return untilEqual(async () => {
    const reports = await Promise.all(witnesses.map(async ({ name, report }) => ({ name, ...(await report()) })))
    const boards = reports.map(({ name, rows }) => ({ name, rows: () => new Map(rows.map(row => [row.key, row])) }))
    const places = reports.map(({ name, position }) => ({ name, place: position && `${position.epoch} ${position.q}` }))
    return [
      ...staleIn(await latest.rows(loads.flatMap(({ keys }) => keys)), loads),
      ...(await compareBoards(await viewsOf(latest, await latest.keys()), boards)),
      ...places.filter(({ place }) => place === null).map(({ name }) => `${name}: a loss was not repaired`),
      ...(new Set(places.map(({ place }) => place)).size > 1 ? [`positions differ: ${JSON.stringify(places)}`] : [])
    ]
  })
}

/** @returns the instruments of which the store does not hold the quote that was made last. */
function staleIn(rows: readonly BoardRow[], loads: readonly Load[]): string[] {
  const held = new Set(rows.map(row => visible(row, 'trade')?.quote.id))
  // A load takes its instruments in turn.
  const last = loads.flatMap(({ keys, confirmed }) =>
    keys.map((_, index) => loadQuoteId(keys, confirmed() - 1 - index))
  )
  return last.filter(id => !held.has(id)).map(id => `latest: ${id} is not there`)
}

function judge({ name, isLossless, counts, state }: Witness & ClientReport, urls: readonly string[]): void {
  const { connections, resumed, errors, fatal, regressions, losses, resyncs } = counts
  const gateways = Object.keys(connections).sort()
  const unexplained = Object.keys(errors).filter(code => !EXPLAINED.includes(code))
  assert.deepEqual(
    { name, state, gateways, unexplained, fatal, regressions },
    {
      name,
      state: 'live',
      gateways: urls.map(url => `${url}/v1/stream`).sort(),
      unexplained: [],
      fatal: 0,
      regressions: 0
    }
  )
  assert.ok(resumed > 0, `${name}: no session went on`)
  if (isLossless) assert.deepEqual({ name, losses, resyncs }, { name, losses: 0, resyncs: 0 })
  else assert.ok(resyncs > 0 && losses >= resyncs, `${name}: ${losses} losses, ${resyncs} resyncs`)
}
