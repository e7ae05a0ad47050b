import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { type Context, ServiceBroker, type ServiceSchema } from 'moleculer'
import { publish } from '../../lib/buffer/events.ts'
import { MemoryLatest } from '../../lib/latest/memory-latest.ts'
import type { Candidate } from '../../lib/quote/board.ts'
import type { Quote } from '../../lib/quote/quote.ts'
import { CONSUMING } from '../../lib/transport/delivery.ts'
import { gatewayService } from '../../services/gateway.service.ts'
import { latestService } from '../../services/latest.service.ts'
import { makeBroker } from '../kit/make-broker.ts'
import { ProtocolClient } from '../kit/protocol-client.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { keysOf, makeQuote, OPENING } from '../push/make-quotes.ts'

const [A = '', B = '', C = ''] = keysOf(3)
const trade = (key: string, at: number) => makeQuote(key, OPENING + at, { last: String(at), lastSize: null })

interface Gateway {
  broker: ServiceBroker
  url: string
  port: number
  /** What the transporter tells when consuming begins. */
  begin(epoch: string, after: number): void
  deliver(epoch: string, sequence: number, quotes: Quote[]): Promise<void>
  wanted: string[]
}

/** A gateway on a broker of its own. The test plays the transporter: it says when consuming begins and hands the events in. */
async function openGateway(t: TestContext, others: ServiceSchema[]): Promise<Gateway> {
  const broker = new ServiceBroker({ nodeID: 'node-1', logger: false })
  const wanted: string[] = []
  broker.createService(gatewayService({ port: () => 0, instruments: () => [C], demoSources: () => ['binance'] }))
  broker.createService({
    name: 'observer',
    events: { 'fetch.wanted': (ctx: Context<{ key: string }>) => void wanted.push(ctx.params.key) }
  })
  for (const schema of others) broker.createService(schema)
  await broker.start()
  t.after(() => broker.stop())
  const { port } = await broker.call<{ port: number }>('gateway.address')
  return {
    broker,
    port,
    url: `http://127.0.0.1:${port}`,
    wanted,
    begin(epoch, after) {
      broker.broadcastLocal(CONSUMING, { event: 'quotes.received', group: 'gateway@node-1', epoch, after })
    },
    async deliver(epoch, sequence, quotes) {
      const headers = { 'stream-epoch': epoch, 'stream-sequence': sequence }
      const service = broker.getLocalService('gateway')
      await service.emitLocalEventHandler('quotes.received', { source: 'demo', quotes }, { headers })
    }
  }
}

/** A `latest` service that knows these candidates and gives them a page each. */
function latestWith(candidates: Candidate[]): ServiceSchema {
  return {
    name: 'latest',
    actions: {
      snapshot: {
        params: { after: 'string|optional', limit: 'number|integer' },
        handler({ params: { after } }: Context<{ after?: string }>) {
          const index = candidates.findIndex(({ quote }) => quote.key === after) + 1
          const page = candidates.slice(index, index + 1)
          return { candidates: page, next: index + 1 < candidates.length ? page[0]!.quote.key : null }
        }
      }
    }
  }
}

const stored: Quote[] = [trade(A, 1), trade(A, 2)]
const storage: ServiceSchema = {
  name: 'storage',
  actions: { history: ({ params }: Context<{ key: string }>) => (params.key === A ? stored : []) }
}

async function get(
  url: string
): Promise<{ status: number; type: string | null; retryAfter: string | null; body: Record<string, unknown> }> {
  const response = await fetch(url)
  const { status, headers } = response
  return {
    status,
    type: headers.get('content-type'),
    retryAfter: headers.get('retry-after'),
    body: (await response.json()) as Record<string, unknown>
  }
}

test('the gateway is ready once latest has given the snapshot, and not before', async t => {
  const gateway = await openGateway(t, [])
  assert.equal((await get(`${gateway.url}/health`)).status, 200)
  gateway.begin('E1', 4)
  const delivered = gateway.deliver('E1', 5, [trade(A, 5)])
  const ready = await get(`${gateway.url}/ready`)
  assert.deepEqual([ready.status, ready.type, ready.retryAfter], [503, 'application/problem+json; charset=utf-8', '2'])
  assert.equal((await get(`${gateway.url}/api/v1/quotes`)).status, 503)
  gateway.broker.createService(
    latestWith([
      { quote: trade(A, 3), epoch: 'E1', q: 3 * 4096 },
      { quote: trade(B, 4), epoch: 'E1', q: 4 * 4096 }
    ])
  )
  await delivered
  assert.equal((await get(`${gateway.url}/ready`)).status, 200)
  const health = (await get(`${gateway.url}/health`)).body
  assert.deepEqual(
    [health.status, health.node, health.epoch, health.q, health.instruments, health.demo],
    ['ok', 'node-1', 'E1', 5 * 4096, 2, ['binance']]
  )
  const stats = await gateway.broker.call<{ snapshotRetries: number; snapshotLoads: number }>('gateway.stats')
  assert.ok(stats.snapshotRetries > 0)
  assert.equal(stats.snapshotLoads, 1)
})

test('consuming that begins for another group or event is not its business', async t => {
  const gateway = await openGateway(t, [latestWith([])])
  gateway.broker.broadcastLocal(CONSUMING, { event: 'quotes.received', group: 'latest', epoch: 'E1', after: 0 })
  gateway.broker.broadcastLocal(CONSUMING, { event: 'fetch.due', group: 'gateway@node-1', epoch: 'E1', after: 0 })
  assert.equal((await get(`${gateway.url}/ready`)).status, 503)
})

test('health and readiness answer HEAD as GET, without a body', async t => {
  const gateway = await openGateway(t, [latestWith([])])
  const head = async (path: string): Promise<[number, string]> => {
    const response = await fetch(gateway.url + path, { method: 'HEAD' })
    return [response.status, await response.text()]
  }
  assert.deepEqual(await head('/health'), [200, ''])
  assert.deepEqual(await head('/ready'), [503, ''])
})

test('REST gives latest rows and history, and says what was expected of a bad request', async t => {
  const gateway = await openGateway(t, [latestWith([]), storage])
  gateway.begin('E1', 0)
  await gateway.deliver('E1', 1, [trade(A, 1), trade(B, 2)])
  const row = {
    key: A,
    q: 4096,
    last: '1',
    lastSize: null,
    status: 'trading',
    exchangeTime: OPENING + 1 - 20_000,
    receivedTime: OPENING + 1
  }
  const api = `${gateway.url}/api/v1/quotes`
  assert.deepEqual((await get(`${api}/${A}`)).body, row)
  const some = (await get(`${api}?keys=${A},${C}`)).body
  assert.deepEqual([some.data, some.missing, some.truncated, some.epoch], [[row], [C], false, 'E1'])
  const all = (await get(`${api}?limit=1&fields=last`)).body
  assert.deepEqual([(all.data as unknown[]).length, all.truncated], [1, true])
  const history = (await get(`${api}/${encodeURIComponent(A)}/history?from=0&limit=10&order=desc`)).body
  assert.deepEqual(
    [history.key, history.from, history.order, history.limit, history.data],
    [A, 0, 'desc', 10, JSON.parse(JSON.stringify(stored))]
  )

  for (const [path, parameter] of [
    ['?keys=nonsense', 'keys'],
    ['?keys=', 'keys'],
    ['?limit=0', 'limit'],
    ['?limit=1e3', 'limit'],
    ['?keys[a]=1', 'keys'],
    ['?fields=price', 'fields'],
    ['/nonsense', 'key'],
    [`/${A}/history?from=5&to=4`, 'from'],
    [`/${A}/history?to=-1`, 'to'],
    [`/${A}/history?order=up`, 'order'],
    [`/${A}/history?limit=1001`, 'limit']
  ] as const) {
    const { status, type, body } = await get(api + path)
    assert.deepEqual(
      [status, type, body.parameter, body.status],
      [400, 'application/problem+json; charset=utf-8', parameter, 400],
      path
    )
    assert.equal(typeof body.expected, 'string')
    assert.ok('got' in body)
  }
  assert.deepEqual([(await get(`${api}/${C}`)).status, (await get(`${gateway.url}/nowhere`)).status], [404, 404])
  assert.equal((await get(`${gateway.url}/v1/stream`)).status, 426)
  assert.equal((await get(`${gateway.url}/gateway/stats`)).status, 404)
})

test('the history is 503 with Retry-After while no storage is there', async t => {
  const gateway = await openGateway(t, [latestWith([])])
  const { status, retryAfter } = await get(`${gateway.url}/api/v1/quotes/${A}/history`)
  assert.deepEqual([status, retryAfter], [503, '2'])
})

test('a client follows the events, a configured instrument without a quote is asked for, and announced ones may be subscribed to', async t => {
  const gateway = await openGateway(t, [latestWith([{ quote: trade(A, 1), epoch: 'E1', q: 4096 }])])
  gateway.begin('E1', 1)
  await waitUntil('it is ready', async () => (await get(`${gateway.url}/ready`)).status === 200)
  const client = await ProtocolClient.connect(t, gateway.port)
  const sid = await client.subscribe({ keys: [A, C] })
  assert.deepEqual(client.of('subscribed')[0]?.rejected, [])
  await waitUntil('it was asked for', () => gateway.wanted.length === 1)
  assert.deepEqual(gateway.wanted, [C])
  await gateway.deliver('E1', 2, [trade(A, 2), trade(C, 2)])
  await waitUntil('the rows came', () => client.rows === 2)
  assert.deepEqual([client.board(sid).rows.get(A)?.p, client.board(sid).rows.get(C)?.p], [4096, 0])

  const instrument = {
    key: B,
    venueSymbol: 'S1',
    name: null,
    base: null,
    currency: null,
    tickSize: null,
    lotSize: null
  }
  const instruments = [{ ...instrument, multiplier: null, calendar: null, status: 'trading' }]
  await gateway.broker.broadcast('instruments.updated', { source: 'demo', instruments })
  await client.subscribe({ keys: [B] })
  await gateway.broker.broadcast('source.status', {
    scope: 'source',
    id: 'binance',
    state: 'down',
    since: 1,
    reason: null
  })
  await waitUntil('the state came', () => client.of('status').length === 1)
  assert.equal(((await get(`${gateway.url}/health`)).body.troubles as unknown[]).length, 1)
  assert.equal(client.losses + client.duplicates + client.regressions, 0)
})

test('an event without the headers of our transporter is refused', async t => {
  const gateway = await openGateway(t, [latestWith([])])
  const service = gateway.broker.getLocalService('gateway')
  await assert.rejects(
    async () => service.emitLocalEventHandler('quotes.received', { source: 'demo', quotes: [trade(A, 1)] }),
    /expected stream-epoch and stream-sequence/
  )
})

test('stopping ends WebSocket clients with 4200 and does not wait for kept-alive connections', async t => {
  const gateway = await openGateway(t, [latestWith([])])
  gateway.begin('E1', 0)
  await waitUntil('it is ready', async () => (await get(`${gateway.url}/ready`)).status === 200)
  const client = await ProtocolClient.connect(t, gateway.port)
  const idle = connect(gateway.port, '127.0.0.1')
  t.after(() => idle.destroy())
  idle.write('GET /health HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(idle, 'data')
  const closed = once(idle, 'close')
  await gateway.broker.stop()
  await closed
  await waitUntil('the client was closed', () => client.closed !== null)
  assert.equal(client.closed?.code, 4200)
  await assert.rejects(fetch(`${gateway.url}/health`))
})

test('every gateway reads by an event group named after its node', async t => {
  const groups = ['n1', 'n2'].map(nodeID => {
    const broker = new ServiceBroker({ nodeID, logger: false })
    t.after(() => broker.stop())
    const service = broker.createService(
      gatewayService({ port: () => 0, instruments: () => [], demoSources: () => [] })
    )
    const event = service.schema.events?.['quotes.received']
    return typeof event === 'object' ? event.group : undefined
  })
  assert.deepEqual(groups, ['gateway@n1', 'gateway@n2'])
})

test('over the in-process transporter a published quote reaches the board of latest and, with its position, the client', async t => {
  const broker = await makeBroker(t, { kind: 'memory' }, { nodeID: 'node-1' })
  const gateway = gatewayService({ port: () => 0, instruments: () => [], demoSources: () => [] })
  broker.createService(gateway)
  broker.createService(latestService({ openLatest: async () => new MemoryLatest(), warm: async () => [trade(A, 1)] }))
  await broker.start()
  const { port } = await broker.call<{ port: number }>('gateway.address')
  await waitUntil('it is ready', async () => (await get(`http://127.0.0.1:${port}/ready`)).status === 200)
  const client = await ProtocolClient.connect(t, port)
  const sid = await client.subscribe({ patterns: ['demo:*:*'] })
  await publish(broker, 'quotes.received', { source: 'demo', quotes: [trade(B, 2), trade(A, 3)] })
  await publish(broker, 'quotes.received', { source: 'demo', quotes: [trade(A, 4)] })
  await waitUntil('the last price came', () => client.board(sid).rows.get(A)?.last === '4')
  assert.deepEqual([client.board(sid).rows.get(A)?.q, client.board(sid).rows.get(B)?.q], [2 * 4096, 4096])
  assert.equal(client.losses + client.duplicates + client.regressions + client.strays, 0)
})
