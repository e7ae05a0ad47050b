import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { createConnection } from 'mysql2/promise'
import type { HistoryStore } from '../../lib/history/history-store.ts'
import { openHistory } from '../../lib/history/open-history.ts'
import { openLatest } from '../../lib/latest/open-latest.ts'
import { type BoardRow, emptyRow, mergeQuote, viewRow } from '../../lib/quote/board.ts'
import type { Quote } from '../../lib/quote/quote.ts'
import type { DeadLetterPage } from '../../lib/transport/dead-letter.ts'
import { cleanUp } from '../kit/clean-up.ts'
import { connectBroker, startLoad } from '../kit/confirmed-load.ts'
import { type LocalCluster, startCluster } from '../kit/local-cluster.ts'
import { type ClientBoard, ProtocolClient } from '../kit/protocol-client.ts'
import { waitUntil } from '../kit/wait-until.ts'

const KEYS = Array.from({ length: 50 }, (_, index) => `load:spot:S${index}`)

/** The ids of `@trade` quotes of the load that MySQL holds, with how often. */
async function storedIds(t: TestContext, url: string): Promise<Map<string, number>> {
  const connection = await createConnection(url)
  cleanUp(t, () => connection.end())
  const [rows] = await connection.query(
    `SELECT CONCAT(k.instrument_key, '|', q.quote_id) AS id, COUNT(*) AS n FROM quotes q
     JOIN instrument_keys k ON k.id = q.instrument_id WHERE k.instrument_key LIKE 'load:%' GROUP BY k.instrument_key, q.quote_id`
  )
  return new Map((rows as { id: string; n: number }[]).map(({ id, n }) => [id, Number(n)]))
}

/** Waits until no durable group has anything left of the stream. */
async function waitUntilDrained({ broker }: LocalCluster): Promise<void> {
  await waitUntil(
    'every group has acknowledged everything',
    async () => {
      const lags = (await broker.call('buffer.lag')) as { group: string; pending: number }[]
      return lags.length > 0 && lags.every(({ pending }) => pending === 0)
    },
    60_000
  )
}

/** Runs a whole cluster under load while `disturb` harms it; then nothing may be lost or doubled, and all boards are equal. */
async function testUnderLoad(t: TestContext, disturb: (cluster: LocalCluster) => Promise<void>): Promise<void> {
  const cluster = await startCluster(t, {
    buffer: 1,
    exchange: 1,
    storage: 2,
    latest: 1,
    gateway: 2,
    fetcher: 2,
    feed: 1,
    scheduler: 1
  })
  const { nodes, broker, mariadb, redis } = cluster
  const gateways = nodes.gateway ?? []
  const clients = await Promise.all(gateways.map(({ port }) => ProtocolClient.connect(t, port)))
  const boards: (() => ClientBoard)[] = []
  for (const client of clients) {
    const sid = await client.subscribe({ patterns: ['*:*:*'], intervalMs: 100 })
    boards.push(() => client.board(sid))
  }
  const load = startLoad(await connectBroker(t, cluster.nats.server), { keys: KEYS, quotesPerSecond: 2_000 })

  await delay(3_000)
  await disturb(cluster)
  await delay(3_000)

  await load.stop()
  await Promise.all([...(nodes.scheduler ?? []), ...(nodes.feed ?? [])].map(node => node.stop()))
  await waitUntilDrained(cluster)

  const stored = await storedIds(t, mariadb.url)
  const lost = [...load.confirmed.keys()].filter(id => !stored.has(id))
  const doubled = [...stored.values()].filter(count => count !== 1)
  t.diagnostic(
    `confirmed ${load.confirmed.size}, refused and repeated ${load.refused()}, stored ${stored.size}, lost ${lost.length}, doubled ${doubled.length}`
  )
  assert.ok(load.confirmed.size > 20_000, `only ${load.confirmed.size} quotes were confirmed`)
  assert.deepEqual(lost, [])
  assert.deepEqual(doubled, [])

  const latest = await openLatest(redis.url)
  cleanUp(t, () => latest.close())
  const newest = newestOf(load.confirmed.values())
  const loadRows = await latest.rows(KEYS)
  assert.equal(loadRows.length, KEYS.length)
  for (const row of loadRows) {
    const { last, lastSize, observedTime } = viewRow(row) ?? assert.fail(row.key)
    const { last: expected, lastSize: size, observedTime: time } = newest.get(row.key) ?? assert.fail(row.key)
    assert.deepEqual({ last, lastSize, observedTime }, { last: expected, lastSize: size, observedTime: time }, row.key)
  }

  const keys = await latest.keys()
  const history = await openHistory(mariadb.url)
  cleanUp(t, () => history.close())
  for (const row of await latest.rows(keys)) assert.deepEqual(shown(row), shown(await mergedHistory(history, row.key)))

  await waitUntil('the boards of both clients are equal', () => {
    const [one, other] = boards.map(board => board().rows)
    return one !== undefined && other !== undefined && sameBoard(one, other, keys)
  })
  for (const [index, client] of clients.entries()) {
    assert.deepEqual(
      { losses: client.losses, duplicates: client.duplicates, regressions: client.regressions },
      { losses: 0, duplicates: 0, regressions: 0 }
    )
    for (const [key, { last }] of newest) assert.equal(boards[index]?.().rows.get(key)?.last, last, key)
  }
  t.diagnostic(`boards of ${keys.length} instruments equal on both gateways`)
  const { count } = await broker.call<DeadLetterPage>('buffer.deadLetters')
  assert.equal(count, 0, 'dead letters')
}

/** The board row that the whole history of an instrument makes. */
async function mergedHistory(history: HistoryStore, key: string): Promise<BoardRow> {
  const row = emptyRow(key)
  const quotes = await history.range({ key, from: 0, to: Number.MAX_SAFE_INTEGER, limit: 10_000 })
  assert.ok(quotes.length > 0 && quotes.length < 10_000, `${key}: ${quotes.length} quotes`)
  for (const [q, quote] of quotes.entries()) mergeQuote(row, { quote, epoch: '', q })
  return row
}

/** What a row shows, without its place in the stream, which the history does not keep. */
function shown(row: BoardRow): unknown {
  const { q: _q, epoch: _epoch, publishedTime: _published, ...values } = viewRow(row) ?? assert.fail(row.key)
  return values
}

function newestOf(quotes: Iterable<Quote>): Map<string, Quote> {
  const rows = new Map(KEYS.map(key => [key, emptyRow(key)]))
  let q = 0
  for (const quote of quotes) {
    const row = rows.get(quote.key)
    if (row !== undefined) mergeQuote(row, { quote, epoch: '', q: q++ })
  }
  return new Map(
    [...rows].flatMap(([key, row]) => [...row.candidates.values()].map(({ quote }) => [key, quote] as const))
  )
}

function sameBoard(
  one: ReadonlyMap<string, unknown>,
  other: ReadonlyMap<string, unknown>,
  keys: readonly string[]
): boolean {
  return keys.every(
    key => one.has(key) && JSON.stringify(values(one.get(key))) === JSON.stringify(values(other.get(key)))
  )
}

/** A row without what differs by how updates were merged into frames. */
function values(row: unknown): unknown {
  const { p: _p, n: _n, ...rest } = row as Record<string, unknown>
  return rest
}

test('a storage node killed with -9, then all storage stopped for ten seconds: nothing lost, nothing doubled, boards equal', t =>
  testUnderLoad(t, async ({ nodes: { storage = [] } }) => {
    const [first] = storage
    await first?.kill9()
    await delay(3_000)
    await first?.restart()
    await delay(2_000)
    await Promise.all(storage.map(node => node.stop()))
    await delay(10_000)
    await Promise.all(storage.map(node => node.restart()))
  }))

test('every server and one process of every other service killed with -9 in turn: nothing lost, nothing doubled, boards equal', t =>
  testUnderLoad(t, async ({ nats, mariadb, redis, nodes }) => {
    const others = ['latest', 'feed', 'buffer', 'fetcher', 'scheduler', 'exchange'].flatMap(
      name => nodes[name]?.[0] ?? []
    )
    for (const victim of [nats, mariadb, redis, ...others, nats]) {
      await victim.kill9()
      await delay(1_000)
      await victim.restart()
      await delay(1_000)
    }
  }))
