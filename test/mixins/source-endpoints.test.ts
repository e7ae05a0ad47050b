import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { ServiceBroker } from 'moleculer'
import type { SourceConfig } from '../../lib/config/markets.ts'
import { binance } from '../../lib/sources/binance/binance.ts'
import { resolveEndpoints } from '../../mixins/source-endpoints.ts'

async function startBroker(t: TestContext): Promise<ServiceBroker> {
  const broker = new ServiceBroker({ logger: false, registry: { stopDelay: 0 } })
  await broker.start()
  t.after(() => broker.stop())
  return broker
}

function config(rest: string | null, stream: string | null): SourceConfig {
  return { name: 'venue', source: 'binance', rest, stream, userAgents: [] }
}

test('a configured URL is taken as it is, and nothing configured means the venue itself', async t => {
  const broker = await startBroker(t)
  assert.deepEqual(await resolveEndpoints(broker, config('https://rest.example', 'wss://stream.example'), binance), {
    rest: 'https://rest.example',
    stream: 'wss://stream.example'
  })
  assert.deepEqual(await resolveEndpoints(broker, config(null, null), binance), {
    rest: binance.rest?.baseUrl,
    stream: binance.stream?.baseUrl
  })
  const silent = { name: 'silent', symbolOf: (key: string) => key }
  assert.deepEqual(await resolveEndpoints(broker, config(null, null), silent), { rest: null, stream: null })
})

test('the demo exchange is waited for and asked each time, because it may have moved', async t => {
  const broker = await startBroker(t)
  let port = 1
  const found = resolveEndpoints(broker, config('demo', null), binance)
  broker.createService({
    name: 'exchange',
    actions: { endpoints: () => ({ rest: `http://127.0.0.1:${port}`, stream: `ws://127.0.0.1:${port}` }) }
  })
  assert.deepEqual(await found, { rest: 'http://127.0.0.1:1', stream: binance.stream?.baseUrl })
  port = 2
  assert.deepEqual(await resolveEndpoints(broker, config('demo', 'demo'), binance), {
    rest: 'http://127.0.0.1:2',
    stream: 'ws://127.0.0.1:2'
  })
})

test('an exchange that does not answer any more fails the look-up soon, and the next one finds it again', async t => {
  const broker = await startBroker(t)
  const hung = Promise.withResolvers<never>()
  const answers: unknown[] = [hung.promise, { rest: 'http://127.0.0.1:3', stream: 'ws://127.0.0.1:3' }]
  broker.createService({ name: 'exchange', actions: { endpoints: () => answers.shift() } })
  await assert.rejects(resolveEndpoints(broker, config('demo', null), binance), { name: 'RequestTimeoutError' })
  const { rest } = await resolveEndpoints(broker, config('demo', null), binance)
  assert.equal(rest, 'http://127.0.0.1:3')
})
