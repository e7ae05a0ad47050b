import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ServiceBroker } from 'moleculer'
import type { Markets } from '../../lib/config/markets.ts'
import type { FetcherStats } from '../../lib/fetch/fetcher.ts'
import type { QuotesReceived } from '../../lib/quote/events.ts'
import type { SchedulerStats } from '../../lib/schedule/scheduler.ts'
import { channelsOf, findSource } from '../../lib/sources/registry.ts'
import { createTransport } from '../../lib/transport/create-transport.ts'
import { on } from '../../lib/transport/typed-events.ts'
import { exchangeService } from '../../services/exchange.service.ts'
import { fetcherService } from '../../services/fetcher.service.ts'
import { schedulerService } from '../../services/scheduler.service.ts'
import { startProxy } from '../kit/proxy.ts'
import { waitUntil } from '../kit/wait-until.ts'

const instruments = ['binance:spot:BTC-USDT', 'binance:spot:ETH-USDT']

const markets: Markets = {
  sources: [{ name: 'binance', source: 'binance', rest: 'demo', stream: 'demo', userAgents: [] }],
  watchlists: [
    { name: 'majors', source: 'binance', instruments, poll: [{ channel: 'price', intervalMs: 200 }], stream: [] }
  ]
}

test('scheduler and fetcher collect the demo market through proxies: each slot once, the catalogue too', async t => {
  const proxies = await Promise.all([2, 3].map(n => startProxy(t, { address: `127.0.0.${n}` })))
  const { transporter, middleware } = await createTransport({ kind: 'memory' })
  const broker = new ServiceBroker({
    logger: false,
    transporter,
    middlewares: [middleware],
    disableBalancer: true,
    registry: { stopDelay: 0 }
  })
  t.after(() => broker.stop())
  const received: QuotesReceived[] = []
  const catalogue = new Set<string>()
  broker.createService(
    fetcherService({
      markets: () => markets,
      settings: () => ({ proxies: proxies.map(({ url }) => url) }),
      findSource,
      userAgent: 'quotecast/test'
    })
  )
  broker.createService(
    schedulerService({ markets: () => markets, restChannelsOf: kind => channelsOf(kind)?.rest ?? [] })
  )
  broker.createService({
    name: 'sink',
    events: {
      ...on(
        'quotes.received',
        ctx => {
          received.push(ctx.params)
        },
        'storage'
      ),
      ...on('instruments.updated', ctx => {
        for (const { key } of ctx.params.instruments) catalogue.add(key)
      })
    }
  })
  await broker.start()
  // The exchange comes last: fetches wait for it.
  broker.createService(exchangeService({ options: () => ({}) }))

  await waitUntil('the catalogue and ten slots are there', () => catalogue.size > 0 && received.length >= 10)
  for (const key of instruments) assert.ok(catalogue.has(key))
  const ids = received.flatMap(({ quotes }) => quotes.map(({ id }) => id))
  assert.equal(new Set(ids).size, ids.length)
  for (const { quotes, slot } of received) {
    assert.deepEqual(
      quotes.map(({ key }) => key),
      instruments
    )
    for (const { src } of quotes) assert.equal(src.slot, slot)
  }
  await waitUntil('nothing is open', async () => {
    const { slots } = await broker.call<SchedulerStats>('scheduler.stats')
    return slots.done >= 10 && slots.failed === 0 && slots.missed === 0
  })
  const stats = await broker.call<FetcherStats>('fetcher.stats')
  assert.equal(stats.outcomes.failed, 0)
  for (const { requests, failures } of stats.egress.egresses) assert.ok(requests >= 4 && failures === 0)
})
