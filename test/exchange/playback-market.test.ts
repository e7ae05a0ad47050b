import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { Exchange } from '../../lib/exchange/exchange.ts'
import type { PlaybackProgress } from '../../lib/exchange/market.ts'
import type { PlaybackSpeed } from '../../lib/exchange/playback-market.ts'
import { readFrames } from '../../lib/exchange/recording.ts'
import { recordingPath } from '../kit/recordings.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { openExchange } from './open-exchange.ts'
import { openStream } from './stream-client.ts'

/** Ten frames of three kinds within 90 ms, and a line that is no combined frame. */
const FRAMES = [
  ...Array.from({ length: 4 }, (_, index) => book(index)),
  '{"lastUpdateId":5,"bids":[],"asks":[]}',
  trade(1, '100.00000000', '0.50000000'),
  trade(2, '110.00000000', '1.50000000'),
  trade(3, '90.00000000', '1.00000000'),
  '{"stream":"abcusdt@depth@100ms","data":{"e":"depthUpdate"}}',
  book(4)
]

function book(u: number): string {
  return `{"stream":"abcusdt@bookTicker","data":{"u":${u},"s":"ABCUSDT","b":"9${u}.00000000","B":"1.0","a":"99.50000000","A":"2.0"}}`
}

function trade(id: number, price: string, size: string): string {
  const T = 1_723_161_255_342 + id
  return `{"stream":"abcusdt@trade","data":{"e":"trade","E":${T},"s":"ABCUSDT","t":${id},"p":"${price}","q":"${size}","T":${T},"m":true,"M":true}}`
}

async function writeRecording(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'quotecast-recording-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const file = join(dir, 'small.gz')
  const lines = FRAMES.map((frame, index) => `${1_723_161_254_000_000_000n + BigInt(index) * 10_000_000n} ${frame}\n`)
  await writeFile(file, gzipSync(lines.join('')))
  return file
}

async function play(t: TestContext, file: string, speed: PlaybackSpeed, hold = false): Promise<Exchange> {
  return openExchange(t, { market: { kind: 'playback', file, speed, hold } })
}

function progressOf(exchange: Exchange): PlaybackProgress {
  const { playback } = exchange.status()
  assert.ok(playback)
  return playback
}

const done = (exchange: Exchange) =>
  waitUntil('the playback is done', () => ['done', 'failed'].includes(progressOf(exchange).state))

test('a recording is played once, byte for byte, from the first subscription on', async t => {
  const exchange = await play(t, await writeRecording(t), 'max')
  assert.equal(progressOf(exchange).state, 'waiting')
  const client = await openStream(t, `${exchange.streamUrl}/stream?streams=abcusdt@bookTicker/abcusdt@trade`)
  await done(exchange)
  assert.deepEqual(progressOf(exchange), {
    file: 'small.gz',
    state: 'done',
    frames: 9,
    sent: 8,
    skipped: 1,
    streams: {
      'abcusdt@bookTicker': { frames: 5, sent: 5 },
      'abcusdt@trade': { frames: 3, sent: 3 },
      'abcusdt@depth@100ms': { frames: 1, sent: 0 }
    },
    error: null
  })
  await waitUntil('the client has all', () => client.frames.length === 8)
  assert.deepEqual(
    client.frames,
    FRAMES.filter(frame => /@bookTicker|@trade/.test(frame))
  )
  assert.equal(client.socket.readyState, client.socket.OPEN)
})

test('at the recorded pace everything comes too, and a raw stream without its wrapper', async t => {
  const exchange = await play(t, await writeRecording(t), 10)
  const client = await openStream(t, `${exchange.streamUrl}/ws/abcusdt@trade`)
  await done(exchange)
  await waitUntil('the client has all', () => client.frames.length === 3)
  assert.deepEqual(client.frames[0], FRAMES[5]!.slice('{"stream":"abcusdt@trade","data":'.length, -1))
})

test('a held playback begins by request, and REST tells the state as far as it has come', async t => {
  const exchange = await play(t, await writeRecording(t), 'max', true)
  const get = async (path: string) => (await fetch(exchange.url + path)).json()
  const client = await openStream(t, `${exchange.streamUrl}/stream?streams=abcusdt@trade`)
  assert.deepEqual(await get('/api/v3/ticker/price'), [])
  assert.deepEqual(await get('/api/v3/ticker/price?symbol=ABCUSDT'), { code: -1121, msg: 'Invalid symbol.' })
  assert.equal(progressOf(exchange).state, 'waiting')
  const response = await fetch(`${exchange.url}/demo/play`, { method: 'POST' })
  assert.equal(response.status, 200)
  await done(exchange)
  await waitUntil('the client has all', () => client.frames.length === 3)
  assert.deepEqual(await get('/api/v3/ticker/price?symbol=ABCUSDT'), { symbol: 'ABCUSDT', price: '90.00000000' })
  assert.deepEqual(await get('/api/v3/ticker/bookTicker?symbol=ABCUSDT'), {
    symbol: 'ABCUSDT',
    bidPrice: '94.00000000',
    bidQty: '1.00000000',
    askPrice: '99.50000000',
    askQty: '2.00000000'
  })
  const day = (await get('/api/v3/ticker/24hr?symbol=ABCUSDT')) as Record<string, unknown>
  assert.deepEqual(
    [day.openPrice, day.highPrice, day.lowPrice, day.volume, day.quoteVolume, day.weightedAvgPrice, day.count],
    ['100.00000000', '110.00000000', '90.00000000', '3.00000000', '305.00000000', '101.66666666', 3]
  )
  assert.deepEqual([day.priceChangePercent, day.firstId, day.lastId], ['-10.000', 1, 3])
  const info = (await get('/api/v3/exchangeInfo')) as { symbols: Record<string, unknown>[] }
  assert.deepEqual(
    info.symbols.map(({ symbol, baseAsset, quoteAsset }) => [symbol, baseAsset, quoteAsset]),
    [['ABCUSDT', 'ABC', 'USDT']]
  )
})

test('a recording that cannot be read is told in the status', async t => {
  const dir = await mkdtemp(join(tmpdir(), 'quotecast-recording-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const broken = { 'no.gz': undefined, 'cut.gz': gzipSync('x'.repeat(50_000)).subarray(0, 40), 'odd.txt': 'hello\n' }
  for (const [name, content] of Object.entries(broken)) {
    if (content !== undefined) await writeFile(join(dir, name), content)
    const exchange = await play(t, join(dir, name), 'max')
    exchange.play()
    await done(exchange)
    const { state, error } = progressOf(exchange)
    assert.deepEqual([state, typeof error], ['failed', 'string'], name)
  }
})

test('the recorded spot frames of BTCUSDT arrive at full speed as they stand in the file', async t => {
  const file = recordingPath(t, 'hftbacktest/spot_btcusdt_20240808.gz')
  if (file === undefined) return
  const exchange = await play(t, file, 'max')
  const client = await openStream(t, `${exchange.streamUrl}/stream`)
  client.send({ method: 'SUBSCRIBE', params: ['btcusdt@bookTicker', 'btcusdt@trade'], id: 1 })
  await done(exchange)
  const { streams, skipped } = progressOf(exchange)
  assert.deepEqual(
    [skipped, streams],
    [
      1,
      {
        'btcusdt@depth@100ms': { frames: 3_451, sent: 0 },
        'btcusdt@bookTicker': { frames: 28_040, sent: 28_040 },
        'btcusdt@trade': { frames: 9_757, sent: 9_757 }
      }
    ]
  )
  await waitUntil('the client has all', () => client.frames.length === 1 + 28_040 + 9_757)
  let index = 1
  for await (const { frame } of readFrames(file)) {
    if (!/^{"stream":"btcusdt@(bookTicker|trade)"/.test(frame)) continue
    if (client.frames[index++] !== frame) assert.fail(`frame ${index - 1} differs from the file`)
  }
})

test('at full speed the recording waits for a subscriber that does not read, and loses nothing', async t => {
  const file = recordingPath(t, 'hftbacktest/usdm_btcusdt_20240808.gz')
  if (file === undefined) return
  const exchange = await play(t, file, 'max', true)
  const streams = ['btcusdt@depth@0ms', 'btcusdt@bookTicker', 'btcusdt@trade']
  const client = await openStream(t, `${exchange.streamUrl}/stream?streams=${streams.join('/')}`)
  client.socket.pause()
  exchange.play()
  let before = -1
  let still = 0
  await waitUntil('the playback stands still', () => {
    const { frames } = progressOf(exchange)
    still = frames > 0 && frames === before ? still + 1 : 0
    before = frames
    return still === 20
  })
  assert.equal(progressOf(exchange).state, 'playing')
  client.socket.resume()
  await done(exchange)
  await waitUntil('the client has all', () => client.frames.length === 66_089 + 21_313 + 6_551)
  assert.equal(exchange.status().streams.cut['too slow'], 0)
})

test('a recording in lines of JSON is played as well', async t => {
  const file = recordingPath(t, 'cryptofeed/BINANCE.jsonl.zst')
  if (file === undefined) return
  const exchange = await play(t, file, 'max')
  const client = await openStream(t, `${exchange.streamUrl}/stream?streams=nknusdt@bookTicker`)
  await done(exchange)
  const { frames, streams } = progressOf(exchange)
  assert.equal(frames, 265)
  const { sent } = streams['nknusdt@bookTicker']!
  assert.ok(sent > 10)
  await waitUntil('the client has all', () => client.frames.length === sent)
})
