import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { publish } from '../../lib/buffer/events.ts'
import { openHistory } from '../../lib/history/open-history.ts'
import { openInstruments } from '../../lib/instruments/open-instruments.ts'
import { MemoryLatest } from '../../lib/latest/memory-latest.ts'
import type { Quote } from '../../lib/quote/quote.ts'
import { gatewayService } from '../../services/gateway.service.ts'
import { latestService } from '../../services/latest.service.ts'
import { storageService } from '../../services/storage.service.ts'
import { makeBroker } from '../kit/make-broker.ts'
import { startMariadb } from '../kit/mariadb.ts'
import { ProtocolClient } from '../kit/protocol-client.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { keysOf, makeQuote, OPENING, RandomMarket, seededRandom } from '../push/make-quotes.ts'
import { errorsOf, expectedRows, inOrder, rowsOf, untilPlayed, valuesOf } from '../push/play.ts'

const KEYS = keysOf(6)
const BATCH = 500

/** A gateway, a storage and a `latest` in one process, over a database at this URL. */
async function openNode(t: TestContext, url: string) {
  const broker = await makeBroker(t, { kind: 'memory' })
  const options = { port: () => 0, instruments: () => [], demoSources: () => [] }
  // The tests' markets have opened years ago.
  broker.createService(gatewayService({ ...options, limits: { playbackSpanMs: Number.MAX_SAFE_INTEGER / 1_000 } }))
  broker.createService(latestService({ openLatest: async () => new MemoryLatest(), warm: async () => [] }))
  broker.createService(
    storageService({ openHistory: () => openHistory(url), openInstruments: () => openInstruments(url) })
  )
  await broker.start()
  const { port } = await broker.call<{ port: number }>('gateway.address')
  await waitUntil('it is ready', async () => (await fetch(`http://127.0.0.1:${port}/ready`)).status === 200)
  return { broker, port }
}

/** Random quotes, prices of all digits that the domain has, and many quotes that share a microsecond. */
function makeMarket(): Quote[] {
  const quotes = new RandomMarket(KEYS, seededRandom(21)).batch(5_000)
  const longest = ['99999999999999999999.999999999999999999', '0.000000000000000001', '-37.63']
  const odd = longest.map((last, at) => makeQuote(KEYS[at] ?? '', OPENING + at, { last, lastSize: '0' }))
  const crowd = Array.from({ length: 1_200 }, (_, index) => ({
    ...makeQuote(KEYS[index % 2] ?? '', OPENING + 2_000_000, {
      last: String(index),
      lastSize: null,
      channel: '@crowd'
    }),
    id: `${KEYS[index % 2]}|@crowd|${(index * 7919) % 1_200}`
  }))
  return [...odd, ...quotes, ...crowd]
}

async function replayEverything(t: TestContext, url: string): Promise<void> {
  const { broker, port } = await openNode(t, url)
  const client = await ProtocolClient.connect(t, port)
  const live = await client.subscribe({ patterns: ['*:*:*'], mode: 'all' })
  const quotes = makeMarket()
  for (let begin = 0; begin < quotes.length; begin += BATCH)
    await publish(broker, 'quotes.received', { source: 'demo', quotes: quotes.slice(begin, begin + BATCH) })
  const ids = new Set(quotes.map(({ key, id }) => `${key} ${id}`))
  await waitUntil('all are stored', async () => (await broker.call<number>('storage.count')) === ids.size)

  const since = { time: OPENING - 60_000_000, until: OPENING + 3_600_000_000, speed: 'max' }
  const sid = await client.subscribe({ patterns: ['demo:*:*'], mode: 'all', since })
  const played = await untilPlayed(client, sid)
  const stored = inOrder(
    quotes.filter(({ key, id }) => {
      // Only the first of an id is stored.
      const name = `${key} ${id}`
      return ids.delete(name)
    })
  )
  const { rows } = expectedRows(stored)
  assert.equal(played.code, undefined)
  assert.deepEqual(rowsOf(client, sid).map(valuesOf), rows)
  const boardOf = (of: string) => new Map([...client.board(of).rows].map(([key, row]) => [key, valuesOf(row)]))
  assert.deepEqual(boardOf(sid), expectedRows(stored).board)
  assert.equal(boardOf(sid).size, KEYS.length)
  // Of quotes that share a microsecond the order of the stream is not stored.
  for (const key of KEYS.slice(2)) assert.deepEqual(boardOf(sid).get(key), boardOf(live).get(key))
  assert.equal(errorsOf(client), 0)

  // From the middle on: the snapshot is what the quotes before it come to.
  const middle = OPENING + 2_500_000
  const second = await client.subscribe({ keys: KEYS, mode: 'all', since: { ...since, time: middle } })
  await untilPlayed(client, second)
  const begins = client.of('snapshot').find(frame => frame.sid === second)?.data as Record<string, unknown>[]
  const before = expectedRows(stored.filter(({ observedTime }) => observedTime < middle)).board
  assert.deepEqual(new Map(begins.map(row => [row.key, valuesOf(row)])), before)
  assert.deepEqual(boardOf(second), boardOf(sid))
  assert.equal(errorsOf(client), 0)
  const stats = await broker.call<{ playbacksPlayed: number; playbackRetries: number }>('gateway.stats')
  assert.deepEqual([stats.playbacksPlayed, stats.playbackRetries], [2, 0])
  t.diagnostic(`${played.rows} rows of ${stored.length} stored quotes played`)
}

test('what one process recorded in SQLite is played digit for digit, and ends in the board of live', t =>
  replayEverything(t, 'sqlite::memory:'))

test('so it is from MariaDB', async t => {
  const server = await startMariadb(t)
  await replayEverything(t, server.url)
})

test('MariaDB killed in the middle of a playback and started again: it stands still meanwhile, and every row comes once', async t => {
  const server = await startMariadb(t)
  const { broker, port } = await openNode(t, server.url)
  const client = await ProtocolClient.connect(t, port)
  const quotes = makeMarket()
  for (let begin = 0; begin < quotes.length; begin += BATCH)
    await publish(broker, 'quotes.received', { source: 'demo', quotes: quotes.slice(begin, begin + BATCH) })
  const stored = new Map(quotes.toReversed().map(quote => [`${quote.key} ${quote.id}`, quote]))
  await waitUntil('all are stored', async () => (await broker.call<number>('storage.count')) === stored.size)
  const since = { time: OPENING - 1_000_000, until: OPENING + 5_100_000, speed: 4 }
  const sid = await client.subscribe({ patterns: ['demo:*:*'], mode: 'all', since })
  await waitUntil('it plays', () => rowsOf(client, sid).length > 0)
  await server.kill9()
  const retries = async () => (await broker.call<{ playbackRetries: number }>('gateway.stats')).playbackRetries
  await waitUntil('it could not be read', async () => (await retries()) > 0)
  await server.restart()
  const played = await untilPlayed(client, sid)
  assert.equal(played.code, undefined)
  assert.deepEqual(rowsOf(client, sid).map(valuesOf), expectedRows(inOrder([...stored.values()])).rows)
  assert.equal(errorsOf(client), 0)
  t.diagnostic(`${await retries()} reads failed, ${played.rows} rows came once`)
})
