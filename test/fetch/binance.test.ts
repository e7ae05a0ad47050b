import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startExchange } from '../../lib/exchange/exchange.ts'
import { FetchSource } from '../../lib/fetch/fetch-source.ts'
import { Fetcher } from '../../lib/fetch/fetcher.ts'
import type { Instrument } from '../../lib/instruments/instrument-store.ts'
import type { Quote } from '../../lib/quote/quote.ts'
import { binance } from '../../lib/sources/binance/binance.ts'
import { openPool } from '../egress/pool.ts'
import { startProxy } from '../kit/proxy.ts'

test('the demo exchange is fetched through proxies: catalogue first, then every channel of every pair', async t => {
  const exchange = await startExchange()
  t.after(() => exchange.close())
  const proxies = await Promise.all([2, 3].map(n => startProxy(t, { address: `127.0.0.${n}` })))
  const catalogue: Instrument[] = []
  const quotes: Quote[] = []
  const now = (): number => Date.now() * 1_000
  const fetcher = new Fetcher({
    sources: [
      new FetchSource({
        name: 'demo',
        source: binance,
        resolve: async () => exchange.url,
        userAgents: [],
        allowHttp: false
      })
    ],
    pool: openPool(
      t,
      proxies.map(({ url }) => url)
    ),
    publish: async received => void quotes.push(...received.quotes),
    announceInstruments: async (_source, chunk) => void catalogue.push(...chunk),
    announceDone: async () => {},
    announceStatus: async () => {},
    longestFetchMs: () => 2_000,
    now,
    node: 'test'
  })
  t.after(() => fetcher.close())
  const fetch = (channel: string, keys: string[]) => {
    const slot = now()
    return fetcher.fetch({ job: channel, source: 'demo', request: { channel, keys }, slot, deadline: slot + 1_000_000 })
  }
  assert.equal((await fetch('instruments', [])).outcome, 'done')
  const keys = catalogue.map(({ key }) => key)
  assert.ok(keys.length > 0)
  for (const channel of ['price', 'bookTicker', '24hr']) {
    const { outcome, counts } = await fetch(channel, keys)
    assert.deepEqual([outcome, counts.quotes, counts.refused], ['done', keys.length, 0], channel)
  }
  assert.equal(quotes.length, 3 * keys.length)
  const unknown = await fetch('price', [...keys, 'binance:spot:NO-SUCHPAIR'])
  assert.deepEqual([unknown.outcome, unknown.counts.quotes, unknown.counts.refused], ['done', keys.length, 1])
  assert.equal(Object.keys(exchange.status().peers).length, 2)
})
