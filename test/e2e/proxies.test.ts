import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { createConnection, type RowDataPacket } from 'mysql2/promise'
import { startExchange } from '../../lib/exchange/exchange.ts'
import { cleanUp } from '../kit/clean-up.ts'
import { startCluster } from '../kit/local-cluster.ts'
import { spawnProxy } from '../kit/proxy.ts'
import { startNode } from '../kit/quotecast-node.ts'
import { waitUntil } from '../kit/wait-until.ts'

const KEYS = ['BTC', 'ETH', 'BNB', 'SOL'].map(base => `binance:spot:${base}-USDT`)
/** Jobs with intervals of their own, so that the two fetchers have enough to share. */
const LISTS = Array.from({ length: 8 }, (_, index) => index)
const ADDRESSES = ['127.0.0.11', '127.0.0.12', '127.0.0.13']

interface Slot extends RowDataPacket {
  channel: string
  instrument: string
  slot: number
}

test('two fetchers share the slots, requests leave through all proxies in rotation, and a killed proxy costs no slot', async t => {
  const exchange = await startExchange({})
  cleanUp(t, () => exchange.close())
  const proxies = await Promise.all(ADDRESSES.map(address => spawnProxy(t, { address, password: 'p:ss w%rd' })))
  const cluster = await startCluster(t, { buffer: 1, storage: 1 })
  const markets = join(cluster.redis.dir, 'markets.yaml')
  const lists = LISTS.map(
    index => `  - { name: list-${index}, source: binance, instruments: ['${KEYS[index % KEYS.length]}'], poll: [
      { channel: ${index < KEYS.length ? 'price' : 'bookTicker'}, intervalMs: 500 }] }`
  )
  await writeFile(
    markets,
    `sources: [{ name: binance, source: binance, rest: '${exchange.url}', userAgents: [one/1, two/2, three/3] }]\nwatchlists:\n${lists.join('\n')}\n`
  )
  const env = { ...cluster.env, CONFIG: markets, PROXIES: proxies.map(({ url }) => url).join('\n') }
  const fetchers = await Promise.all([startNode(t, 'fetcher', env), startNode(t, 'fetcher', env)])
  const scheduler = await startNode(t, 'scheduler', env)
  const requests = () =>
    Object.entries(exchange.status().peers).map(([peer, { requests }]) => [peer, requests] as const)

  await waitUntil('every proxy has carried requests', () => requests().filter(([, count]) => count > 20).length === 3)
  await delay(5_000)
  const { peers } = exchange.status()
  t.diagnostic(`requests by exit address before the kill: ${JSON.stringify(Object.fromEntries(requests()))}`)
  assert.deepEqual(Object.keys(peers).sort(), ADDRESSES)
  const shares = requests().map(([, count]) => count)
  assert.ok(Math.min(...shares) * 1.5 > Math.max(...shares), `uneven rotation: ${shares}`)
  const agents = new Set(Object.values(peers).flatMap(({ userAgents }) => Object.keys(userAgents)))
  assert.deepEqual([...agents].sort(), ['one/1', 'three/3', 'two/2'])

  await proxies[0]?.kill()
  await delay(6_000)
  const stopped = Date.now() * 1_000
  await scheduler.stop()

  const connection = await createConnection(cluster.mariadb.url)
  cleanUp(t, () => connection.end())
  const [rows] = await connection.query<Slot[]>(
    `SELECT s.channel, k.instrument_key AS instrument, q.slot FROM quotes q
     JOIN series s ON s.id = q.series_id JOIN instrument_keys k ON k.id = q.instrument_id ORDER BY q.slot`
  )
  let gaps = 0
  for (const key of KEYS) {
    for (const channel of ['price', 'bookTicker']) {
      const slots = rows
        .filter(row => row.channel === channel && row.instrument === key)
        .map(({ slot }) => Number(slot))
      assert.ok(slots.length > 20, `${key} ${channel}: ${slots.length} slots`)
      assert.ok((slots.at(-1) ?? 0) > stopped - 2_000_000, `${key} ${channel}: the last slots are missing`)
      for (let i = 1; i < slots.length; i++) if ((slots[i] ?? 0) - (slots[i - 1] ?? 0) !== 500_000) gaps++
    }
  }
  t.diagnostic(`${rows.length} slots stored, ${gaps} missing`)
  assert.equal(gaps, 0)

  const done = await sharesOf(cluster, fetchers.length)
  t.diagnostic(`slots by fetcher: ${JSON.stringify(done)}`)
  const counts = Object.values(done)
  assert.equal(counts.length, 2)
  assert.ok(Math.min(...counts) * 2 > Math.max(...counts), `uneven fetchers: ${counts}`)
  for (const node of [...fetchers, scheduler]) assert.doesNotMatch(node.output(), /p:ss|p%3Ass/)
})

/** The number of done slots by fetcher node. */
async function sharesOf(
  { broker }: Awaited<ReturnType<typeof startCluster>>,
  nodes: number
): Promise<Record<string, number>> {
  const shares: Record<string, number> = {}
  await waitUntil('every fetcher was asked', async () => {
    const known = broker.registry.getNodeList({ onlyAvailable: true, withServices: true })
    const fetchers = known.filter(({ services }) => services?.some(service => service.name === 'fetcher'))
    for (const { id } of fetchers) {
      const { outcomes } = (await broker.call('fetcher.stats', {}, { nodeID: id })) as { outcomes: { done: number } }
      shares[id] = outcomes.done
    }
    return fetchers.length === nodes
  })
  return shares
}
