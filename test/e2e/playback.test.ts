import assert from 'node:assert/strict'
import { createReadStream, existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { createGunzip } from 'node:zlib'
import { createConnection } from 'mysql2/promise'
import { startExchange } from '../../lib/exchange/exchange.ts'
import { openLatest } from '../../lib/latest/open-latest.ts'
import { viewRow } from '../../lib/quote/board.ts'
import { cleanUp } from '../kit/clean-up.ts'
import { startCluster } from '../kit/local-cluster.ts'
import { waitUntil } from '../kit/wait-until.ts'

const FILE = join(import.meta.dirname, '../../../shared/data/hftbacktest/spot_btcusdt_20240808.gz')
const KEY = 'binance:spot:BTC-USDT'

interface BookFrame {
  u: number
  b: string
  B: string
  a: string
  A: string
}

interface TradeFrame {
  t: number
  p: string
  q: string
}

/** The recording, read without the project's own code. */
async function readRecording() {
  const books = new Map<number, BookFrame>()
  const trades = new Map<number, TradeFrame>()
  const frames = { bookTicker: 0, trade: 0, other: 0 }
  for await (const line of createInterface(createReadStream(FILE).pipe(createGunzip()))) {
    const frame = line.slice(line.indexOf(' ') + 1)
    if (frame.includes('"stream":"btcusdt@bookTicker"')) {
      const { data } = JSON.parse(frame) as { data: BookFrame }
      books.set(data.u, data)
      frames.bookTicker++
    } else if (frame.includes('"stream":"btcusdt@trade"')) {
      const { data } = JSON.parse(frame) as { data: TradeFrame }
      trades.set(data.t, data)
      frames.trade++
    } else frames.other++
  }
  return { books, trades, frames }
}

const withoutTrailingZeros = (text: string): string => text.replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '')

test('a recording played at full speed arrives in MySQL frame for frame, and the board shows its last values digit for digit', async t => {
  if (!existsSync(FILE)) return t.skip(`the recording ${FILE} is not here`)
  const { books, trades, frames } = await readRecording()
  const exchange = await startExchange({ market: { kind: 'playback', file: FILE, speed: 'max', hold: true } })
  cleanUp(t, () => exchange.close())

  const cluster = await startCluster(t, { buffer: 1, storage: 1, latest: 1 })
  const markets = join(cluster.redis.dir, 'markets.yaml')
  await writeFile(
    markets,
    `sources: [{ name: binance, source: binance, stream: '${exchange.streamUrl}' }]
watchlists: [{ name: played, source: binance, instruments: ['${KEY}'], stream: ['@bookTicker', '@trade'] }]\n`
  )
  const { startNode } = await import('../kit/quotecast-node.ts')
  await startNode(t, 'feed', { ...cluster.env, CONFIG: markets })
  await waitUntil('the feed has subscribed', () => exchange.status().streams.subscriptions >= 2)
  const began = Date.now()
  await fetch(`${exchange.url}/demo/play`, { method: 'POST' })

  const connection = await createConnection(cluster.mariadb.url)
  cleanUp(t, () => connection.end())
  const count = async (): Promise<number> => {
    const [rows] = await connection.query('SELECT COUNT(*) AS n FROM quotes')
    return Number((rows as { n: number }[])[0]?.n)
  }
  await waitUntil('every update is stored', async () => (await count()) >= books.size + trades.size, 120_000)
  t.diagnostic(
    `${frames.bookTicker} bookTicker and ${frames.trade} trade frames -> ${await count()} rows, ` +
      `${frames.bookTicker - books.size} and ${frames.trade - trades.size} collapsed by id, ${frames.other} frames of other streams; ${Date.now() - began} ms`
  )
  assert.equal(await count(), books.size + trades.size)
  for (const [channel, expected] of [
    ['@bookTicker', books.size],
    ['@trade', trades.size]
  ] as const) {
    const [rows] = await connection.query(
      'SELECT COUNT(*) AS n, COUNT(DISTINCT q.seq) AS ids FROM quotes q JOIN series s ON s.id = q.series_id WHERE s.channel = ?',
      [channel]
    )
    const [{ n, ids }] = rows as [{ n: number; ids: number }]
    assert.deepEqual([Number(n), Number(ids)], [expected, expected], channel)
  }

  const lastBook = books.get(Math.max(...books.keys())) ?? assert.fail()
  const lastTrade = trades.get(Math.max(...trades.keys())) ?? assert.fail()
  const latest = await openLatest(cluster.redis.url)
  cleanUp(t, () => latest.close())
  const expected = {
    bid: withoutTrailingZeros(lastBook.b),
    bidSize: withoutTrailingZeros(lastBook.B),
    ask: withoutTrailingZeros(lastBook.a),
    askSize: withoutTrailingZeros(lastBook.A),
    last: withoutTrailingZeros(lastTrade.p),
    lastSize: withoutTrailingZeros(lastTrade.q)
  }
  const board = async () => {
    const [row] = await latest.rows([KEY])
    const { bid, bidSize, ask, askSize, last, lastSize } = (row && viewRow(row)) ?? {}
    return { bid, bidSize, ask, askSize, last, lastSize }
  }
  await waitUntil('the board has the last trade', async () => (await board()).last === expected.last)
  assert.deepEqual(await board(), expected)
  t.diagnostic(`last board ${JSON.stringify(expected)}`)
})
