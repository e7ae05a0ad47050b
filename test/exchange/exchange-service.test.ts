import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { ServiceBroker } from 'moleculer'
import type { ExchangeStatus } from '../../lib/exchange/exchange.ts'
import { type ExchangeDeps, type ExchangeEndpoints, exchangeService } from '../../services/exchange.service.ts'

async function startService(t: TestContext, deps: Partial<ExchangeDeps> = {}): Promise<ServiceBroker> {
  const broker = new ServiceBroker({ logger: false })
  broker.createService(exchangeService({ options: () => ({}), ...deps }))
  t.after(() => broker.stop())
  await broker.start()
  return broker
}

test('the service tells where its exchange answers, and what it has served', async t => {
  const broker = await startService(t)
  const { rest, stream } = await broker.call<ExchangeEndpoints>('exchange.endpoints')
  assert.match(rest, /^http:\/\/127\.0\.0\.1:\d+$/)
  assert.equal(stream, rest.replace('http', 'ws'))
  assert.equal((await fetch(`${rest}/api/v3/ticker/price?symbol=BTCUSDT`)).status, 200)
  const { demo, peers } = await broker.call<ExchangeStatus>('exchange.stats')
  assert.equal(demo, true)
  assert.equal(peers['127.0.0.1']!.requests, 1)
})

test('an advertised host stands in the endpoints, with the port that is listened on', async t => {
  const broker = await startService(t, { options: () => ({ host: '0.0.0.0' }), advertise: () => 'exchange.internal' })
  const { rest, stream } = await broker.call<ExchangeEndpoints>('exchange.endpoints')
  const { port, hostname } = new URL(rest)
  assert.equal(hostname, 'exchange.internal')
  assert.equal(stream, `ws://exchange.internal:${port}`)
  assert.equal((await fetch(`http://127.0.0.1:${port}/api/v3/ping`)).status, 200)
})

test('after the broker has stopped nobody listens', async t => {
  const broker = await startService(t)
  const { rest } = await broker.call<ExchangeEndpoints>('exchange.endpoints')
  await broker.stop()
  await assert.rejects(fetch(`${rest}/api/v3/ping`))
})
