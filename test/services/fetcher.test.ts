import assert from 'node:assert/strict'
import { test } from 'node:test'
import { on, publish } from '../../lib/buffer/events.ts'
import type { Markets } from '../../lib/config/markets.ts'
import type { FetcherStats } from '../../lib/fetch/fetcher.ts'
import type { QuotesReceived } from '../../lib/quote/events.ts'
import type { SchedulerStats } from '../../lib/schedule/scheduler.ts'
import { channelsOf, findSource } from '../../lib/sources/registry.ts'
import { DRAINING } from '../../lib/transport/delivery.ts'
import { exchangeService } from '../../services/exchange.service.ts'
import { fetcherService } from '../../services/fetcher.service.ts'
import { schedulerService } from '../../services/scheduler.service.ts'
import { startOrigin } from '../egress/origin.ts'
import { makeBroker } from '../kit/make-broker.ts'
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
  const broker = await makeBroker(t)
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

test('a fetch that hangs is ended while the node drains, and its tick goes back to the work queue', async t => {
  const asked: string[] = []
  const origin = await startOrigin(t, request => void asked.push(request.url ?? ''))
  const broker = await makeBroker(t)
  const [source] = markets.sources
  broker.createService(
    fetcherService({
      markets: () => ({ sources: [{ ...source!, rest: origin.url, stream: null }], watchlists: [] }),
      settings: () => ({ proxies: [] }),
      findSource,
      userAgent: 'quotecast/test'
    })
  )
  const ends: unknown[] = []
  broker.createService({ name: 'listener', events: on('fetch.done', ctx => void ends.push(ctx.params)) })
  await broker.start()
  const slot = Date.now() * 1_000
  const request = { channel: 'instruments', keys: [] }
  // A slow job: its fetch may take 10 s.
  await publish(broker, 'fetch.due', { job: 'slow', source: 'binance', request, slot, deadline: slot + 60_000_000 })
  await waitUntil('the request hangs', () => asked.length === 1)
  await broker.broadcastLocal(DRAINING)
  await waitUntil('it is ended', async () => {
    const { failures, underWay } = await broker.call<FetcherStats>('fetcher.stats')
    return failures.closed === 1 && underWay === 0
  })
  assert.deepEqual(ends, [], 'the slot has not ended')
})
