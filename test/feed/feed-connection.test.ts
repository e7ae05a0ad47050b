import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FeedConnection } from '../../lib/feed/feed-connection.ts'
import { FeedCounters } from '../../lib/feed/feed-counters.ts'
import { FEED_LIMITS } from '../../lib/feed/feed-limits.ts'
import { QuietLog } from '../../lib/feed/quiet-log.ts'
import { binance } from '../../lib/sources/binance/binance.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { BTC } from './run-feed.ts'
import { bookFrame, startVenue } from './venue.ts'

test('the back-off ends with the first quote, not with a connect or an acknowledgement', async t => {
  const venue = await startVenue(t)
  const calls: string[] = []
  const connection = new FeedConnection({
    id: 'test',
    provider: 'binance',
    stream: binance.stream!,
    findUrl: async () => venue.url,
    subscription: { channels: ['@bookTicker'], keys: [BTC] },
    keyOf: () => BTC,
    limits: FEED_LIMITS,
    counters: new FeedCounters(),
    log: new QuietLog({ info() {}, warn() {} }),
    now: () => 1,
    backOff: {
      next: () => {
        calls.push('next')
        return 1
      },
      reset: () => calls.push('reset')
    },
    take: quotes => calls.push(`quotes ${quotes.length}`),
    report: state => calls.push(state)
  })
  t.after(() => connection.stop())
  connection.start()
  for (const attempt of [1, 2]) {
    const { socket } = await venue.subscribed(attempt, 1)
    socket.close()
  }
  const { socket } = await venue.subscribed(3, 1)
  socket.send(bookFrame('BTCUSDT', 1))
  await waitUntil('a quote came', () => calls.includes('ok'))
  assert.deepEqual(calls, ['down', 'next', 'next', 'reset', 'quotes 1', 'ok'])
})
