import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { ServiceSchema } from 'moleculer'
import { on } from '../../lib/buffer/events.ts'
import type { Markets } from '../../lib/config/markets.ts'
import type { SnapshotPage } from '../../lib/latest/snapshot-page.ts'
import type { SourceStatus } from '../../lib/quote/events.ts'
import type { Quote } from '../../lib/quote/quote.ts'
import { exchangeService } from '../../services/exchange.service.ts'
import { type FeedServiceStats, feedService } from '../../services/feed.service.ts'
import { BTC, ETH } from '../feed/run-feed.ts'
import { startVenue, tradeFrame } from '../feed/venue.ts'
import { makeBroker } from '../kit/make-broker.ts'
import { waitUntil } from '../kit/wait-until.ts'

function marketsWith(stream: string): Markets {
  return {
    sources: [
      { name: 'binance', source: 'binance', rest: stream === 'demo' ? 'demo' : null, stream, userAgents: [] },
      { name: 'unused', source: 'binance', rest: null, stream: 'ws://127.0.0.1:1', userAgents: [] }
    ],
    watchlists: [
      { name: 'majors', source: 'binance', instruments: [BTC, ETH], poll: [], stream: ['@bookTicker', '@trade'] },
      { name: 'polled', source: 'unused', instruments: [BTC], poll: [], stream: [] }
    ]
  }
}

interface Received {
  quotes: Quote[]
  statuses: SourceStatus[]
}

/** A started broker with the in-process transporter, a feed, and who listens. */
async function startFeed(t: TestContext, markets: Markets, others: ServiceSchema[]) {
  const broker = await makeBroker(t)
  const received: Received = { quotes: [], statuses: [] }
  broker.createService(feedService({ markets: () => markets, random: () => 0.5, limits: { backOffMs: 10 } }))
  for (const schema of others) broker.createService(schema)
  broker.createService({
    name: 'sink',
    events: {
      ...on(
        'quotes.received',
        ({ params }) => {
          received.quotes.push(...params.quotes)
        },
        'storage'
      ),
      ...on('source.status', ({ params }) => {
        received.statuses.push(params)
      })
    }
  })
  await broker.start()
  const stats = (): Promise<FeedServiceStats> => broker.call('feed.stats')
  return { broker, received, stats }
}

test('the feed brings every stream of the demo exchange, and only sources with stream channels have one', async t => {
  const { received, stats } = await startFeed(t, marketsWith('demo'), [exchangeService({ options: () => ({}) })])
  const streamsOf = (quotes: Quote[]) => new Set(quotes.map(({ key, src }) => `${key} ${src.channel}`))
  await waitUntil('all streams came', () => streamsOf(received.quotes).size === 4)
  assert.deepEqual([...streamsOf(received.quotes)].sort(), [
    `${BTC} @bookTicker`,
    `${BTC} @trade`,
    `${ETH} @bookTicker`,
    `${ETH} @trade`
  ])
  const { feeds } = await stats()
  assert.deepEqual(
    feeds.map(({ provider, state, connections }) => [provider, state, connections]),
    [['binance', 'ok', 1]]
  )
  await waitUntil('the state was announced', () => received.statuses.length === 1)
  assert.deepEqual([received.statuses[0]?.id, received.statuses[0]?.state], ['binance/stream', 'ok'])
})

test('a venue that began its sequence again while no feed ran is noticed by the board of the latest store', async t => {
  const venue = await startVenue(t)
  const stored: Quote = {
    id: `${BTC}|@trade|900`,
    key: BTC,
    status: 'trading',
    seq: '900',
    seqKind: 't',
    exchangeTime: 1_600_000_000_000_000,
    receivedTime: 1,
    observedTime: 1,
    publishedTime: 1,
    src: { kind: 'ws', provider: 'binance', channel: '@trade', slot: null, egress: null },
    last: '1',
    lastSize: '1'
  }
  const pages: SnapshotPage[] = [
    { candidates: [], next: 'more' },
    { candidates: [{ quote: stored, epoch: 'e', q: 1 }], next: null }
  ]
  const latest = { name: 'latest', actions: { snapshot: () => pages.shift() } }
  const { received, stats } = await startFeed(t, marketsWith(venue.url), [latest])
  const { socket } = await venue.subscribed(1, 4)
  assert.deepEqual((await stats()).restore, { done: true, failed: 0 })
  socket.send(tradeFrame('BTCUSDT', 1, 1_700_000_000_000))
  await waitUntil('the trade came', () => received.quotes.length === 1)
  assert.equal(received.quotes[0]?.seqKind, 't~1700000000000000')
})

test('without a latest store the feed goes on; when stopped it closes its sockets and leaves nothing unpublished', async t => {
  const venue = await startVenue(t)
  const { broker, received, stats } = await startFeed(t, marketsWith(venue.url), [])
  const { socket } = await venue.subscribed(1, 4)
  assert.equal((await stats()).restore.done, false)
  for (let id = 1; id <= 100; id++) socket.send(tradeFrame('BTCUSDT', id, 1_700_000_000_000 + id))
  await waitUntil('some are published', () => received.quotes.length > 0)
  const before = await stats()
  await broker.stop()
  await waitUntil('the socket is closed', () => socket.readyState === socket.CLOSED)
  assert.ok(received.quotes.length >= before.feeds[0]!.counters.quotes)
})
