import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { QuoteClient } from '../../client/index.ts'
import { seededRandom } from '../../lib/exchange/random.ts'
import { openLatest } from '../../lib/latest/open-latest.ts'
import { type BoardRow, visible } from '../../lib/quote/board.ts'
import { cleanUp } from '../kit/clean-up.ts'
import { loadQuoteId, startLoad } from '../kit/confirmed-load.ts'
import { joinCluster, type LocalCluster, startCluster } from '../kit/local-cluster.ts'
import { isLongForm } from '../kit/long-form.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { type ClientReport, ClientWitness } from './client-witness.ts'
import { compareBoards, untilEqual, viewsOf } from './compare-boards.ts'
import { stopIntake } from './stop-intake.ts'
import { waitUntilDrained } from './verdict.ts'
import { type Victim, Victims } from './victims.ts'
import { openWitnessPage } from './witness-page.ts'

const KEYS = Array.from({ length: 50 }, (_, index) => `load:spot:S${index}`)
const QUOTES_PER_SECOND = 1_000
const TOPOLOGY = { buffer: 1, exchange: 1, storage: 1, latest: 1, gateway: 2, fetcher: 1, feed: 1, scheduler: 1 }
const KILLING_MS = isLongForm ? 10 * 60_000 : 40_000
const DOWN_MS = 500
const PAUSE_MS = 1_000

/** Of a gateway that is gone or not ready. */
const EXPLAINED = ['connection_lost', 'not_ready', 'timeout']

interface Witness {
  name: string
  report(): ClientReport | Promise<ClientReport>
}

test('a client in Node and one in Chromium, while gateways, nats-server, Redis, latest and storage are killed with -9: both boards are right', async t => {
  const cluster = await startCluster(t, TOPOLOGY)
  const urls = (cluster.nodes.gateway ?? []).map(({ port }) => `ws://127.0.0.1:${port}`)
  const page = await openWitnessPage(t, urls.toReversed())
  if (page === undefined) return
  const inNode = new ClientWitness(QuoteClient, urls)
  cleanUp(t, () => inNode.close())
  const witnesses: Witness[] = [
    { name: 'Node', report: () => inNode.report },
    { name: 'Chromium', report: page.report }
  ]
  const servers = cluster.nats.map(({ server }) => server)
  const load = startLoad(t, await joinCluster(t, servers), { keys: KEYS, quotesPerSecond: QUOTES_PER_SECOND })
  await untilRowsCome(witnesses)

  const victims = new Victims(victimsOf(cluster), seededRandom(1))
  const end = performance.now() + KILLING_MS
  do {
    for (const victim of victims.oneOfEach) {
      await victims.kill([victim], DOWN_MS)
      await untilRowsCome(witnesses)
      await delay(PAUSE_MS)
    }
  } while (performance.now() < end)
  t.diagnostic(`killed with -9: ${victims.summary}`)

  await load.stop()
  await stopIntake(t, cluster)
  await waitUntilDrained(cluster.broker)
  const differences = await compare(t, cluster, load.confirmed(), witnesses)
  const reports = await Promise.all(witnesses.map(({ report }) => report()))
  t.diagnostic(
    `confirmed ${load.confirmed()}, refused and repeated ${load.refused()}; boards of ${reports.map(({ rows }) => rows.length)}`
  )
  for (const [index, { counts }] of reports.entries())
    t.diagnostic(`${witnesses[index]?.name}: ${JSON.stringify(counts)}`)

  assert.deepEqual(differences.slice(0, 5), [], 'instruments whose board differs')
  assert.deepEqual(page.thrown, [])
  for (const report of reports) judge(report, urls)
})

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

/** @returns what is wrong with the latest store and with the boards, when what is under way has arrived. */
async function compare(
  t: TestContext,
  { redis }: LocalCluster,
  confirmed: number,
  witnesses: readonly Witness[]
): Promise<string[]> {
  const latest = await openLatest(redis.url)
  cleanUp(t, () => latest.close())
  return untilEqual(async () => {
    const reports = await Promise.all(witnesses.map(async ({ name, report }) => ({ name, ...(await report()) })))
    const boards = reports.map(({ name, rows }) => ({ name, rows: () => new Map(rows.map(row => [row.key, row])) }))
    const places = reports.map(({ name, position }) => ({ name, place: position && `${position.epoch} ${position.q}` }))
    return [
      ...staleIn(await latest.rows(KEYS), confirmed),
      ...(await compareBoards(await viewsOf(latest, await latest.keys()), boards)),
      ...places.filter(({ place }) => place === null).map(({ name }) => `${name}: a loss was not repaired`),
      ...(new Set(places.map(({ place }) => place)).size > 1 ? [`positions differ: ${JSON.stringify(places)}`] : [])
    ]
  })
}

/** @returns the instruments of the load of which the store does not hold the quote that was made last. */
function staleIn(rows: readonly BoardRow[], confirmed: number): string[] {
  const held = new Set(rows.map(row => visible(row, 'trade')?.quote.id))
  // The load takes the instruments in turn.
  const last = KEYS.map((_key, index) => loadQuoteId(KEYS, confirmed - 1 - index))
  return last.filter(id => !held.has(id)).map(id => `latest: ${id} is not there`)
}

function judge({ counts, state }: ClientReport, urls: readonly string[]): void {
  const { connections, errors, fatal, regressions, rows, losses, resyncs } = counts
  assert.equal(state, 'live')
  assert.deepEqual(
    Object.keys(connections).sort(),
    urls.map(url => `${url}/v1/stream`).sort(),
    'it was at every gateway'
  )
  assert.ok(rows > 0)
  assert.deepEqual({ fatal, regressions }, { fatal: 0, regressions: 0 })
  assert.deepEqual(
    Object.keys(errors).filter(code => !EXPLAINED.includes(code)),
    []
  )
  assert.ok(resyncs <= losses, `${resyncs} resyncs for ${losses} losses`)
}
