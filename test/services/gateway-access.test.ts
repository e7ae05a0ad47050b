import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Context, ServiceBroker } from 'moleculer'
import type { AccessConfig } from '../../lib/access/access.ts'
import { publish } from '../../lib/buffer/events.ts'
import { CODECS, STREAMS } from '../../lib/buffer/streams.ts'
import { createTransport } from '../../lib/transport/create-transport.ts'
import { gatewayService } from '../../services/gateway.service.ts'
import { accessConfig, entitlementTo, makeKeyEntry, makePlan, PRO } from '../access/make-access.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { makeQuote, OPENING } from '../push/make-quotes.ts'

const [SPOT, PERP] = ['demo:spot:A', 'demo:perp:A'] as const

interface Logged {
  level: string
  args: unknown[]
}

interface Transit {
  publish(packet: { payload: unknown }): Promise<void>
}

/** Notes every packet that a broker gives to its transporter. */
function tap(broker: ServiceBroker): string[] {
  const sent: string[] = []
  const transit = broker.transit as unknown as Transit
  const publish = transit.publish.bind(transit)
  transit.publish = packet => {
    sent.push(JSON.stringify(packet.payload))
    return publish(packet)
  }
  return sent
}

/** A gateway with a quote of two instruments, and everything that its broker logs. */
async function openGateway(t: TestContext, config: Partial<AccessConfig>) {
  const logged: Logged[] = []
  const note = (level: string, args: unknown[]): void => void logged.push({ level, args })
  for (const level of ['log', 'info', 'warn', 'error', 'debug', 'trace'] as const)
    t.mock.method(console, level, (...args: unknown[]) => note(level, args))
  // As the configuration makes one: calls to the own node go through the transporter, too.
  const { transporter, middleware } = await createTransport({ kind: 'memory' }, { streams: STREAMS, codecs: CODECS })
  const broker = new ServiceBroker({
    nodeID: 'node-1',
    logger: {
      type: 'Console',
      options: { level: 'trace', formatter: (level: string, args: unknown[]) => [level, ...args] }
    },
    logLevel: 'trace',
    transporter,
    middlewares: [middleware],
    disableBalancer: true
  })
  const sent = tap(broker)
  broker.createService(
    gatewayService({ port: () => 0, instruments: () => [], demoSources: () => [], access: () => accessConfig(config) })
  )
  broker.createService({ name: 'latest', actions: { snapshot: () => ({ candidates: [], next: null }) } })
  const asked: unknown[] = []
  broker.createService({
    name: 'storage',
    actions: {
      history(ctx: Context<{ key: string }>) {
        asked.push(ctx.params.key, ctx.meta)
        return []
      }
    }
  })
  await broker.start()
  t.after(() => broker.stop())
  const { port } = await broker.call<{ port: number }>('gateway.address')
  const url = `http://127.0.0.1:${port}`
  await waitUntil('it is ready', async () => (await fetch(`${url}/ready`)).ok)
  const quotes = [SPOT, PERP].map((key, i) => makeQuote(key, OPENING + i, { last: '1', lastSize: null }))
  await publish(broker, 'quotes.received', { source: 'demo', quotes })
  await waitUntil('the quotes came', async () => {
    const health = await fetch(`${url}/health`)
    return ((await health.json()) as { instruments: number }).instruments === 2
  })
  return { broker, url: `${url}/api/v1/quotes`, base: url, logged, asked, sent }
}

async function get(
  url: string,
  headers: Record<string, string> = {}
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(url, { headers })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

test('REST asks who is there, and gives nothing outside of what they may see', async t => {
  const { key, entry } = makeKeyEntry('u1', PRO, { entitlement: entitlementTo('demo:spot:*') })
  const { url, base, asked } = await openGateway(t, { apiKeys: [entry], origins: null })
  for (const path of ['', `/${SPOT}`, `/${SPOT}/history`, `/${PERP}`]) {
    assert.equal((await get(url + path)).status, 401, path)
    assert.equal((await get(`${url + path}?key=nonsense`)).status, 401, path)
  }
  const by = { 'x-api-key': key }
  assert.deepEqual(
    ((await get(url, by)).body.data as { key: string }[]).map(row => row.key),
    [SPOT]
  )
  const some = (await get(`${url}?keys=${SPOT},${PERP},demo:spot:B,demo:perp:B`, by)).body
  assert.deepEqual([some.missing, some.forbidden], [['demo:spot:B'], [PERP, 'demo:perp:B']])
  // The parameter of the path is called key, too, and is not the API key.
  assert.equal((await get(`${url}/${SPOT}?key=${key}`)).body.key, SPOT)
  for (const [path, status] of [
    [`/${PERP}`, 403],
    ['/demo:perp:B', 403],
    ['/demo:spot:B', 404],
    [`/${PERP}/history`, 403],
    [`/${SPOT}/history`, 200],
    ['/nonsense', 400]
  ] as const)
    assert.equal((await get(url + path, by)).status, status, path)
  assert.deepEqual(
    asked.filter(one => typeof one === 'string'),
    [SPOT]
  )
  assert.equal((await get(url, { ...by, origin: 'https://evil.test' })).status, 403)
  assert.equal((await get(`${base}/health`)).status, 200)
})

test('anonymous sees by REST what its plan says, and a call inside the cluster sees no more', async t => {
  const visitor = makePlan('visitor', ['demo:spot:*'])
  const { broker, url } = await openGateway(t, { anonymous: visitor })
  assert.equal((await get(`${url}/${SPOT}`)).status, 200)
  assert.equal((await get(`${url}/${PERP}`)).status, 403)
  const { data } = JSON.parse(await broker.call('gateway.quotes')) as { data: { key: string }[] }
  assert.deepEqual(
    data.map(({ key }) => key),
    [SPOT]
  )
})

test('a credential in an address or a header reaches no log line, no other node, and no settings', async t => {
  const { key, entry } = makeKeyEntry('u1', PRO)
  const gateway = await openGateway(t, { apiKeys: [entry] })
  const hash = entry.hash.toString('hex')
  for (const path of ['', `/${SPOT}`, `/${SPOT}/history`, '/nowhere/at/all', `/${SPOT}/history?from=x`]) {
    const mark = path.includes('?') ? '&' : '?'
    await get(`${gateway.url}${path}${mark}key=${key}`)
    await get(`${gateway.url}${path}${mark}token=${key}.x`)
    await get(gateway.url + path, { authorization: `Bearer ${key}` })
  }
  await fetch(`${gateway.base}/v1/stream?token=${key}`)
  await gateway.broker
    .call('$node.services', { withSettings: true })
    .then(services => gateway.logged.push({ level: 'services', args: [services] }))
  const text = JSON.stringify([gateway.logged, gateway.asked, gateway.sent], (_name, value: unknown) =>
    value instanceof Error ? `${value.stack} ${JSON.stringify(value)}` : value
  )
  assert.ok(gateway.logged.length > 10 && text.includes('gateway'), 'something was logged')
  assert.ok(gateway.sent.some(packet => packet.includes('gateway.history')))
  assert.ok(!text.includes(key.slice(3)) && !text.includes(hash))
})

test('REST requests beyond the rate of a user or an address are 429, say when to come back, and cost nobody else', async t => {
  const ann = makeKeyEntry('ann', makePlan('slow', ['*:*:*'], { requestsPerSecond: 2 }))
  const bob = makeKeyEntry('bob', PRO)
  const visitor = makePlan('visitor', ['*:*:*'], { requestsPerSecond: 3 })
  const { url, base, broker } = await openGateway(t, { anonymous: visitor, apiKeys: [ann.entry, bob.entry] })
  const statuses = async (count: number, headers: Record<string, string> = {}) =>
    (await Promise.all(Array.from({ length: count }, () => get(`${url}/${SPOT}`, headers)))).map(({ status }) => status)
  const refused = (all: number[]): number => all.filter(status => status === 429).length
  assert.ok(refused(await statuses(30, { 'x-api-key': ann.key })) > 10)
  assert.equal(refused(await statuses(30, { 'x-api-key': bob.key })), 0)
  // What cannot log in is counted with those who do not, under their address.
  assert.ok(refused(await statuses(30, { 'x-api-key': 'nonsense' })) > 10)
  assert.ok(refused(await statuses(10)) > 0)
  const response = await Promise.all(Array.from({ length: 20 }, () => fetch(url))).then(all =>
    all.find(({ status }) => status === 429)
  )
  assert.deepEqual(
    [response?.headers.get('content-type'), response?.headers.get('retry-after')],
    ['application/problem+json; charset=utf-8', '1']
  )
  assert.ok((await fetch(`${base}/health`)).ok)
  assert.ok((await broker.call<{ requestsRateLimited: number }>('gateway.stats')).requestsRateLimited > 20)
})
