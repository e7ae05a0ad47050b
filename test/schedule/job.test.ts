import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Markets } from '../../lib/config/markets.ts'
import { jobsOf } from '../../lib/schedule/job.ts'

const markets: Markets = {
  sources: [
    { name: 'one', source: 'binance', rest: null, stream: null, userAgents: [] },
    { name: 'two', source: 'plain', rest: null, stream: null, userAgents: [] }
  ],
  watchlists: [
    {
      name: 'majors',
      source: 'one',
      instruments: ['binance:spot:BTC-USDT'],
      poll: [
        { channel: 'price', intervalMs: 1_000 },
        { channel: 'price', intervalMs: 5_000 }
      ],
      stream: []
    },
    {
      name: 'fx',
      source: 'two',
      instruments: ['x:fx:EUR-USD'],
      poll: [{ channel: 'rate', intervalMs: 500 }],
      stream: []
    }
  ]
}

test("there is a job for each polled channel of each watchlist, and for each source's catalogue", () => {
  const jobs = jobsOf(markets, kind => (kind === 'binance' ? ['price', 'instruments'] : ['rate']))
  assert.deepEqual(
    jobs.map(({ name, source, channel, keys, intervalMs }) => [name, source, channel, keys.length, intervalMs]),
    [
      ['one/instruments', 'one', 'instruments', 0, 3_600_000],
      ['one/majors/price', 'one', 'price', 1, 1_000],
      ['one/majors/price/5000ms', 'one', 'price', 1, 5_000],
      ['two/fx/rate', 'two', 'rate', 1, 500]
    ]
  )
})
