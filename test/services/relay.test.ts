import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Message } from 'amqplib'
import { publish } from '../../lib/buffer/events.ts'
import { STREAMS, withRelay } from '../../lib/buffer/streams.ts'
import { openRelay } from '../../lib/relay/open-relay.ts'
import { type RelayStats, relayService } from '../../services/relay.service.ts'
import { loadQuoteId, startLoad } from '../kit/confirmed-load.ts'
import { makeBroker } from '../kit/make-broker.ts'
import { startMosquitto } from '../kit/mosquitto.ts'
import { startNatsServer } from '../kit/nats-server.ts'
import { startNode } from '../kit/quotecast-node.ts'
import { startRabbitmq } from '../kit/rabbitmq.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { bindQueue, readQueue, removeQueue } from '../relay/amqp-reader.ts'
import { readTopics } from '../relay/mqtt-reader.ts'
import { quotesOf } from '../relay/relay-suite.ts'

const KEYS = ['test:spot:A', 'test:spot:B.C', 'test:perp:A']
const LOAD = { keys: KEYS, quotesPerSecond: 2_000 }

const idsOf = (messages: Message[]) => new Set(messages.map(({ properties }) => String(properties.messageId)))

test('the group of the relay is in the table of an installation with a relay only, and stays as the table has it', () => {
  const groupsOf = (table: typeof STREAMS) => table.flatMap(({ groups }) => groups)
  assert.ok(!groupsOf(STREAMS).includes('relay'))
  const table = withRelay(STREAMS)
  assert.deepEqual(
    groupsOf(table).filter(group => !groupsOf(STREAMS).includes(group)),
    ['relay']
  )
  assert.deepEqual(table.find(({ name }) => name === 'quotes')?.starts, { relay: 'new' })
  assert.deepEqual(withRelay(table), table)
})

test('quotes wait in the stream while no queue is bound or the queue is full, and none is lost', async t => {
  const { url } = await startRabbitmq(t)
  const broker = await makeBroker(t, { kind: 'memory' }, { streams: withRelay(STREAMS) })
  broker.createService(relayService({ openRelay: options => openRelay(url, options) }))
  await broker.start()
  const stats = (): Promise<RelayStats> => broker.call('relay.stats')
  const batch = (from: number) =>
    publish(broker, 'quotes.received', { source: 'test', quotes: quotesOf(20, from) }, `batch ${from}`)

  await batch(0)
  await waitUntil('it came back', async () => (await stats()).failed > 1)
  assert.ok((await stats()).broker.returned >= 20)
  const full = { arguments: { 'x-max-length': 10, 'x-overflow': 'reject-publish' } }
  await bindQueue(t, url, 'small', '#', full)
  await batch(20)
  await waitUntil('the queue refused some', async () => (await stats()).broker.nacked > 0)
  const received = await readQueue(t, url, 'small')
  await waitUntil('both batches are confirmed', async () => (await stats()).quotes === 40)
  await waitUntil('all came', () => idsOf(received).size === 40)
  assert.equal(received.length, 40, 'what the queue had taken was not sent again')
  await removeQueue(t, url, 'small')
})

test('a broker that is away at the start holds up nothing: quotes wait in the stream until it is there', async t => {
  const server = await startRabbitmq(t)
  await server.kill9()
  const broker = await makeBroker(t, { kind: 'memory' }, { streams: withRelay(STREAMS) })
  broker.createService(relayService({ openRelay: options => openRelay(server.url, options) }))
  await broker.start()
  const stats = (): Promise<RelayStats> => broker.call('relay.stats')
  await publish(broker, 'quotes.received', { source: 'test', quotes: quotesOf(20) }, 'early')
  await waitUntil('it was tried', async () => (await stats()).failed > 0)
  await server.restart()
  await bindQueue(t, server.url, 'all')
  const received = await readQueue(t, server.url, 'all')
  await waitUntil('all came', () => idsOf(received).size === 20)
})

/** A stream on a server, a process that relays from it, and a broker that publishes by a table without the relay, as a fetcher's. */
async function startSystem(t: TestContext, broker: { AMQP_URL: string } | { MQTT_URL: string }) {
  const nats = await startNatsServer(t)
  const env = { TRANSPORTER: `nats://${nats.server}`, HISTORY: 'mysql://unused', LATEST: 'redis://unused' }
  const relay = await startNode(t, 'relay', { ...env, ...broker })
  const publisher = await makeBroker(t, { kind: 'nats', servers: [nats.server] })
  await publisher.start()
  await publisher.waitForServices(['relay'], 20_000, 50)
  const stats = (): Promise<RelayStats> => publisher.call('relay.stats')
  return { relay, publisher, stats }
}

/** RabbitMQ, and a durable queue that gets everything. */
async function startBound(t: TestContext) {
  const rabbitmq = await startRabbitmq(t)
  await bindQueue(t, rabbitmq.url, 'all')
  return rabbitmq
}

/** Reads the queue until every confirmed quote is there; no other, and each under its own id. */
async function checkAll(t: TestContext, url: string, confirmed: number): Promise<number> {
  const received = await readQueue(t, url, 'all')
  await waitUntil(`${confirmed} quotes came`, () => idsOf(received).size >= confirmed, 60_000)
  const expected = new Set(Array.from({ length: confirmed }, (_, n) => loadQuoteId(KEYS, n)))
  assert.deepEqual(idsOf(received).symmetricDifference(expected), new Set())
  for (const { properties, content } of received) assert.equal(JSON.parse(content.toString()).id, properties.messageId)
  return received.length - confirmed
}

test('RabbitMQ killed under load twice: every quote that the stream confirmed is in the durable queue', async t => {
  const rabbitmq = await startBound(t)
  const { relay, publisher, stats } = await startSystem(t, { AMQP_URL: rabbitmq.url })
  const load = startLoad(t, publisher, LOAD)
  for (let round = 1; round <= 2; round++) {
    const { quotes, failed } = await stats()
    await waitUntil('quotes flow', async () => (await stats()).quotes > quotes + 2_000)
    await rabbitmq.kill9()
    await waitUntil('batches come back', async () => (await stats()).failed > failed)
    await rabbitmq.restart()
  }
  await load.stop()
  const twice = await checkAll(t, rabbitmq.url, load.confirmed())
  const { broker: counters } = await stats()
  assert.equal(counters.reconnects, 2)
  assert.match(relay.output(), /relay\.away[\s\S]*relay\.back/)
  assert.ok(!relay.output().includes('p@ss') && !relay.output().includes('p%40ss'), 'no password in the log')
  t.diagnostic(`${load.confirmed()} quotes, 0 lost, ${twice} came twice; ${JSON.stringify(counters)}`)
})

test('the relay killed under load, and stopped while its broker hangs: every quote is in the durable queue', async t => {
  const rabbitmq = await startBound(t)
  const { relay, publisher, stats } = await startSystem(t, { AMQP_URL: rabbitmq.url })
  const load = startLoad(t, publisher, LOAD)
  await waitUntil('quotes flow', async () => (await stats()).quotes > 2_000)
  await relay.kill9()
  const atKill = load.confirmed()
  await waitUntil('more is published', () => load.confirmed() > atKill + 2_000)
  await relay.restart()
  await waitUntil('quotes flow again', async () => (await stats().catch(() => undefined))?.quotes !== 0)

  process.kill(rabbitmq.pid()!, 'SIGSTOP')
  const atHang = load.confirmed()
  await waitUntil('more is published', () => load.confirmed() > atHang + 2_000)
  assert.equal(await relay.stop(), 0)
  process.kill(rabbitmq.pid()!, 'SIGCONT')
  await relay.restart()
  await load.stop()
  const twice = await checkAll(t, rabbitmq.url, load.confirmed())
  t.diagnostic(`${load.confirmed()} quotes, 0 lost, ${twice} came twice`)
})

test('Mosquitto stopped under load, then killed: a lasting subscriber gets all that it could keep', async t => {
  const mosquitto = await startMosquitto(t)
  const subscribe = () => readTopics(t, mosquitto.url, 'quotes/#', 'lasting')
  await (await subscribe()).leave()
  const { publisher, stats } = await startSystem(t, { MQTT_URL: mosquitto.url })
  const load = startLoad(t, publisher, LOAD)
  const flow = async () => {
    const { quotes } = await stats()
    await waitUntil('quotes flow', async () => (await stats()).quotes > quotes + 2_000)
  }
  await flow()
  const { failed } = await stats()
  assert.equal(await mosquitto.stop(), 0)
  await waitUntil('batches come back', async () => (await stats()).failed > failed)
  await mosquitto.restart()
  await flow()
  await load.stop()
  await waitUntil('all is confirmed', async () => (await stats()).quotes >= load.confirmed())
  const reader = await subscribe()
  const idsOfReader = () => new Set(reader.received.map(({ id }) => id))
  await waitUntil('every quote came', () => idsOfReader().size >= load.confirmed())
  assert.equal(idsOfReader().size, load.confirmed())
  await reader.leave()

  // What it has confirmed is in its memory only; the relay's part is to come back by itself.
  await mosquitto.kill9()
  await mosquitto.restart()
  const after = await subscribe()
  const later = quotesOf(100)
  await publish(publisher, 'quotes.received', { source: 'test', quotes: later })
  // It may bring back what it had saved at its stop as well.
  const missing = () => new Set(later.map(({ id }) => id)).difference(new Set(after.received.map(({ id }) => id)))
  await waitUntil('what was published later came', () => missing().size === 0)
  const { broker } = await stats()
  assert.equal(broker.reconnects, 2)
  t.diagnostic(`${load.confirmed()} quotes, 0 lost; ${JSON.stringify(broker)}`)
})
