import assert from 'node:assert/strict'
import { test } from 'node:test'
import { freePort } from '../../lib/cluster/free-port.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { BTC, ETH, runFeed, SOL } from './run-feed.ts'
import { bookFrame, SHUTDOWN_FRAME, startVenue, tradeFrame } from './venue.ts'

const seqs = (quotes: { seq: string | null }[]) => quotes.map(({ seq }) => Number(seq))
const upTo = (n: number) => Array.from({ length: n }, (_, index) => index + 1)

test('frames become quotes with times and origin, in batches with a message id', async t => {
  const venue = await startVenue(t)
  const { feed, seen } = runFeed(t, venue.url)
  const { socket, streams } = await venue.subscribed(1, 2)
  assert.deepEqual(streams, ['btcusdt@bookTicker', 'btcusdt@trade'])

  socket.send(bookFrame('BTCUSDT', 7))
  socket.send(tradeFrame('BTCUSDT', 3, 1_700_000_000_000))
  await waitUntil('both are stored', () => seen.quotes.length === 2)
  const [book, trade] = seen.quotes
  assert.equal(book?.key, BTC)
  assert.equal(book?.bid, '1.1')
  assert.equal(book?.exchangeTime, null)
  assert.equal(trade?.last, '1.15')
  assert.equal(trade?.exchangeTime, 1_700_000_000_000_000)
  assert.deepEqual(trade?.src, { kind: 'ws', provider: 'binance', channel: '@trade', slot: null, egress: null })
  for (const quote of seen.quotes) {
    assert.equal(quote.receivedTime, quote.observedTime)
    assert.ok(quote.publishedTime >= quote.receivedTime)
  }
  assert.deepEqual(
    seen.batches.map(({ messageId }) => messageId),
    seen.batches.map((_, index) => `test/${index + 1}`)
  )
  assert.deepEqual(
    seen.statuses.map(({ id, state }) => [id, state]),
    [['binance/stream', 'ok']]
  )
  assert.equal(feed.stats.published, 2)
})

test('every frame is counted by what it was', async t => {
  const venue = await startVenue(t)
  const { feed, seen } = runFeed(t, venue.url)
  const { socket } = await venue.subscribed(1, 2)
  const frames = [
    bookFrame('BTCUSDT', 1),
    bookFrame('NOTASKED', 1),
    '<html>',
    JSON.stringify({ code: 2, msg: 'Invalid request' }),
    Buffer.from([1, 2, 3])
  ]
  for (const frame of frames) socket.send(frame)
  await waitUntil('the frames are counted', () => feed.stats.counters.unreadable.binary === 1)
  const { counters } = feed.stats
  assert.equal(counters.frames, 5, 'the acknowledgement and four text frames')
  assert.equal(counters.quotes, 1)
  assert.deepEqual(counters.refused, { unknown_symbol: 1 })
  assert.deepEqual(counters.ignored, { ack: 1 })
  assert.deepEqual(counters.errors, { bad_request: 1 })
  assert.equal(
    Object.values(counters.unreadable).reduce((sum, n) => sum + n, 0),
    2
  )
  assert.deepEqual([...new Set(seen.warnings)].sort(), ['feed.error', 'feed.unreadable'])
})

test('a connection that is cut without a close frame is replaced, subscribes again, and the cut is announced', async t => {
  const venue = await startVenue(t)
  const { feed, seen } = runFeed(t, venue.url)
  const first = await venue.subscribed(1, 2)
  first.socket.send(bookFrame('BTCUSDT', 1))
  await waitUntil('the first quote is stored', () => seen.quotes.length === 1)
  first.socket.terminate()

  const second = await venue.subscribed(2, 2)
  assert.deepEqual(second.streams, first.streams)
  second.socket.send(bookFrame('BTCUSDT', 2))
  await waitUntil('the second quote is stored', () => seen.quotes.length === 2)
  assert.deepEqual(
    seen.statuses.map(({ state, reason }) => [state, reason]),
    [
      ['ok', null],
      ['down', 'closed'],
      ['ok', null]
    ]
  )
  assert.deepEqual(feed.stats.counters.ends, { closed: 1 })
})

test('a venue that is not there yet is asked again until it is', async t => {
  const port = await freePort()
  const { feed, seen } = runFeed(t, `ws://127.0.0.1:${port}`)
  await waitUntil('three attempts failed', () => (feed.stats.counters.ends.unreachable ?? 0) >= 3)
  const venue = await startVenue(t, { port })
  const { socket } = await venue.subscribed(1, 2)
  socket.send(bookFrame('BTCUSDT', 1))
  await waitUntil('a quote is stored', () => seen.quotes.length === 1)
  assert.deepEqual(
    seen.statuses.map(({ state }) => state),
    ['down', 'ok']
  )
})

test('a venue that moved is found at its new address, and one whose address is not known is looked up again', async t => {
  const [first, second] = [await startVenue(t), await startVenue(t)]
  const urls = [undefined, 'no address', first.url, undefined, second.url]
  const { feed, seen } = runFeed(t, '', {
    findUrl: async () => {
      const url = urls.shift()
      if (url === undefined) throw new Error('not known')
      return url
    }
  })
  const { socket } = await first.subscribed(1, 2)
  socket.send(bookFrame('BTCUSDT', 1))
  await waitUntil('a quote is stored', () => seen.quotes.length === 1)
  socket.terminate()
  await second.subscribed(1, 2)
  assert.equal(feed.stats.counters.unresolved, 3)
  assert.deepEqual(
    seen.statuses.map(({ state, reason }) => [state, reason]),
    [
      ['down', 'unresolved'],
      ['ok', null],
      ['down', 'closed']
    ]
  )
})

test('a venue that neither speaks nor answers pings is dead and replaced', async t => {
  const venue = await startVenue(t, { answersPings: false })
  const { feed } = runFeed(t, venue.url, { limits: { muteMs: 80 } })
  await venue.subscribed(2, 2)
  assert.ok((feed.stats.counters.ends.dead ?? 0) >= 1)
  assert.ok(venue.connections[0]!.pings >= 1, 'it was asked before')
})

test('a venue that answers pings but brings no data is stale first and replaced later', async t => {
  const venue = await startVenue(t)
  const { feed, seen } = runFeed(t, venue.url, { limits: { muteMs: 80, patienceMs: 300 } })
  const { socket } = await venue.subscribed(1, 2)
  socket.send(bookFrame('BTCUSDT', 1))
  await venue.subscribed(2, 2)
  assert.deepEqual(feed.stats.counters.ends, { mute: 1 })
  assert.deepEqual(
    seen.statuses.map(({ state, reason }) => [state, reason]),
    [
      ['ok', null],
      ['stale', 'mute'],
      ['down', 'mute']
    ]
  )
})

test('what the old socket still brings is not heard after it was given up', async t => {
  const venue = await startVenue(t)
  const { feed, seen } = runFeed(t, venue.url, { limits: { muteMs: 60, patienceMs: 120 } })
  const old = await venue.subscribed(1, 2)
  // The old socket's frames are sent when the feed has given it up, and arrive or not: the count must not depend on it.
  const fresh = await venue.subscribed(2, 2)
  old.socket.send(bookFrame('BTCUSDT', 99))
  fresh.socket.send(bookFrame('BTCUSDT', 1))
  await waitUntil('a quote is stored', () => seen.quotes.length > 0)
  old.socket.terminate()
  fresh.socket.send(bookFrame('BTCUSDT', 2))
  await waitUntil('the next is stored', () => seen.quotes.length > 1)
  assert.deepEqual(seqs(seen.quotes), [1, 2])
  assert.deepEqual(feed.stats.counters.ends, { mute: 1 }, 'the end of the old socket is not counted again')
})

test('a shutdown notice opens the next connection first; the old one is closed when every stream has come through', async t => {
  const venue = await startVenue(t)
  const { feed, seen } = runFeed(t, venue.url)
  const old = await venue.subscribed(1, 2)
  old.socket.send(bookFrame('BTCUSDT', 1))
  old.socket.send(SHUTDOWN_FRAME)
  const fresh = await venue.subscribed(2, 2)
  old.socket.send(bookFrame('BTCUSDT', 2))
  await waitUntil('the old one is still heard', () => seen.quotes.length === 2)
  fresh.socket.send(bookFrame('BTCUSDT', 2))
  fresh.socket.send(bookFrame('BTCUSDT', 3))
  await waitUntil('the new one is heard', () => seen.quotes.length === 4)
  assert.equal(old.socket.readyState, old.socket.OPEN, 'trades have not come through the new one yet')
  fresh.socket.send(tradeFrame('BTCUSDT', 1, 1_700_000_000_000))
  await waitUntil('the old one is closed', () => old.socket.readyState === old.socket.CLOSED)
  assert.equal(new Set(seen.quotes.map(({ id }) => id)).size, 4, 'the overlap collapses by id')
  assert.deepEqual(
    seen.statuses.map(({ state }) => state),
    ['ok']
  )
  assert.equal(feed.stats.counters.rotations, 1)
  assert.deepEqual(feed.stats.counters.ends, {})
})

test('a venue that closes right after its notice is followed by the connection that was opened meanwhile', async t => {
  const venue = await startVenue(t)
  const { feed, seen } = runFeed(t, venue.url, { limits: { backOffMs: 60_000, backOffMaxMs: 60_000 } })
  const old = await venue.subscribed(1, 2)
  old.socket.send(SHUTDOWN_FRAME)
  const fresh = await venue.subscribed(2, 2)
  old.socket.close()
  fresh.socket.send(bookFrame('BTCUSDT', 1))
  await waitUntil('a quote is stored', () => seen.quotes.length === 1)
  await waitUntil('the end is counted', () => feed.stats.counters.ends.closed === 1)
  assert.equal(venue.connections.length, 2)
})

test('subscriptions are spread over connections of the venue’s size, and one of them down makes the source stale', async t => {
  const venue = await startVenue(t)
  const { seen } = runFeed(t, venue.url, {
    subscriptions: [
      { channels: ['@bookTicker'], keys: [BTC, ETH] },
      { channels: ['@trade', '@bookTicker'], keys: [ETH, SOL] }
    ],
    maxStreams: 2
  })
  await waitUntil(
    'all is subscribed',
    () => venue.connections.reduce((sum, { streams }) => sum + streams.length, 0) === 5
  )
  const streams = venue.connections.map(connection => connection.streams.sort()).sort()
  assert.deepEqual(streams, [
    ['btcusdt@bookTicker'],
    ['ethusdt@bookTicker', 'ethusdt@trade'],
    ['solusdt@bookTicker', 'solusdt@trade']
  ])
  const symbolOf = (stream = '') => stream.split('@')[0]!.toUpperCase()
  for (const connection of venue.connections) connection.socket.send(bookFrame(symbolOf(connection.streams[0]), 1))
  await waitUntil('the source is ok', () => seen.statuses.length === 1)
  venue.connections[0]?.socket.terminate()
  await waitUntil('the source is stale', () => seen.statuses.length === 2)
  assert.deepEqual(
    seen.statuses.map(({ state }) => state),
    ['ok', 'stale']
  )
})

test('a slow stream holds the venue back by TCP: nothing is lost, the order stays, and memory is bounded', async t => {
  const FRAMES = 30_000
  const venue = await startVenue(t)
  let open = () => {}
  const gate = new Promise<void>(resolve => {
    open = resolve
  })
  const { feed, seen } = runFeed(t, venue.url, {
    subscriptions: [{ channels: ['@bookTicker'], keys: [BTC] }],
    publish: () => gate,
    limits: { pauseQuotes: 500, maxQuotes: 2_000 }
  })
  const { socket } = await venue.subscribed(1, 1)
  // 30 MB: more than the kernel takes for a reader that does not read.
  for (const u of upTo(FRAMES)) socket.send(bookFrame('BTCUSDT', u, 1_000))
  await waitUntil('the feed has paused', () => feed.stats.pauses === 1)
  let buffered = -1
  await waitUntil('the venue’s data stands still', () => {
    const before = buffered
    buffered = socket.bufferedAmount
    return buffered > 0 && buffered === before
  })
  assert.ok(feed.stats.held <= 2_000, `holds ${feed.stats.held}`)
  assert.equal(feed.stats.dropped, 0)
  open()
  await waitUntil('all are stored', () => seen.quotes.length >= FRAMES)
  assert.deepEqual(seqs(seen.quotes), upTo(FRAMES))
  assert.equal(feed.stats.dropped, 0)
  t.diagnostic(`${FRAMES} frames in ${seen.batches.length} batches, ${feed.stats.pauses} pauses, 0 dropped`)
})

test('a paused feed is not taken for a mute one', async t => {
  const venue = await startVenue(t, { answersPings: false })
  let open = () => {}
  const gate = new Promise<void>(resolve => {
    open = resolve
  })
  const { feed, seen } = runFeed(t, venue.url, {
    publish: () => gate,
    limits: { pauseQuotes: 1, muteMs: 40, patienceMs: 40 }
  })
  const { socket } = await venue.subscribed(1, 2)
  socket.send(bookFrame('BTCUSDT', 1))
  await waitUntil('the feed has paused', () => feed.stats.pauses === 1)
  const resumeAt = performance.now() + 200
  await waitUntil('the mute time has passed several times', () => performance.now() > resumeAt)
  assert.equal(venue.connections.length, 1)
  open()
  await waitUntil('the quote is stored', () => seen.quotes.length === 1)
})

test('publishes that are rejected are repeated under the same message id: nothing lost, nothing doubled, in order', async t => {
  const venue = await startVenue(t)
  const attempts: string[] = []
  const { feed, seen } = runFeed(t, venue.url, {
    publish: async (_batch, messageId) => {
      attempts.push(messageId)
      if (attempts.length % 3 !== 0) throw new Error('no answer')
    }
  })
  const { socket } = await venue.subscribed(1, 2)
  for (const u of upTo(500)) socket.send(bookFrame('BTCUSDT', u))
  await waitUntil('all are stored', () => seen.quotes.length >= 500)
  assert.deepEqual(seqs(seen.quotes), upTo(500))
  assert.deepEqual(
    [...new Set(attempts)],
    seen.batches.map(({ messageId }) => messageId)
  )
  assert.equal(attempts.length, 3 * seen.batches.length)
  assert.equal(feed.stats.rejected, 2 * seen.batches.length)
})

test('stop closes the sockets first, then stores what is held, and may be called again', async t => {
  const venue = await startVenue(t)
  const { feed, seen } = runFeed(t, venue.url, { limits: { flushMs: 60_000 } })
  const { socket } = await venue.subscribed(1, 2)
  socket.send(bookFrame('BTCUSDT', 1))
  await waitUntil('the quote is held', () => feed.stats.held === 1)
  await feed.stop()
  assert.deepEqual(seqs(seen.quotes), [1])
  await waitUntil('the socket is closed', () => socket.readyState === socket.CLOSED)
  await feed.stop()
  assert.equal(venue.connections.length, 1)
  assert.equal(feed.stats.dropped, 0)
})

test('stop while connecting leaves nothing behind', async t => {
  const venue = await startVenue(t)
  const { feed } = runFeed(t, venue.url)
  await new Promise(resolve => setImmediate(resolve))
  await feed.stop()
  assert.equal(feed.stats.counters.connects, 1)
  assert.equal(feed.stats.counters.quotes, 0)
})

test('a venue that began its sequence again gives a new sequence kind and new ids', async t => {
  const venue = await startVenue(t)
  const { feed, seen } = runFeed(t, venue.url)
  const { socket } = await venue.subscribed(1, 2)
  socket.send(tradeFrame('BTCUSDT', 1, 1_700_000_000_000))
  socket.send(tradeFrame('BTCUSDT', 2, 1_700_000_001_000))
  socket.send(tradeFrame('BTCUSDT', 1, 1_700_000_002_000))
  await waitUntil('all are stored', () => seen.quotes.length === 3)
  assert.equal(new Set(seen.quotes.map(({ id }) => id)).size, 3)
  assert.equal(seen.quotes[2]?.seqKind, `${seen.quotes[0]?.seqKind}~1700000002000000`)
  assert.equal(feed.stats.restarts, 1)
})
