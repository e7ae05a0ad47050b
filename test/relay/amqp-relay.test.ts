import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openRelay } from '../../lib/relay/open-relay.ts'
import { newRelayCounters } from '../../lib/relay/relay.ts'
import type { RelayError } from '../../lib/relay/relay-error.ts'
import { makeQuote } from '../feed/make-quote.ts'
import { cleanUp } from '../kit/clean-up.ts'
import { startRabbitmq } from '../kit/rabbitmq.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { bindQueue, connectAmqp, readQueue, removeQueue } from './amqp-reader.ts'
import { quotesOf, type Received, runRelaySuite } from './relay-suite.ts'

test('the relay to RabbitMQ', async t => {
  const { url } = await startRabbitmq(t)
  let queues = 0

  await runRelaySuite(t, async t => {
    const relay = await openRelay(url)
    cleanUp(t, () => relay.close())
    const read = async () => {
      const queue = `suite-${queues++}`
      const connection = await connectAmqp(t, url)
      const channel = await connection.createChannel()
      // Its end is the connection's.
      await channel.assertQueue(queue, { exclusive: true })
      await channel.bindQueue(queue, 'quotes', '#')
      const received: Received[] = []
      const keep = ({ content, properties }: { content: Buffer; properties: { messageId?: string } }) =>
        received.push({ id: properties.messageId ?? '', body: content.toString() })
      await channel.consume(queue, message => message !== null && keep(message), { noAck: true })
      return received
    }
    return { relay, read }
  })

  await t.test('a message says what it is, outlives the broker, and is routed by venue, type and symbol', async t => {
    const relay = await openRelay(url)
    cleanUp(t, () => relay.close())
    await bindQueue(t, url, 'stocks', 'xnas.stock.*')
    await bindQueue(t, url, 'btc', 'binance.spot.BTC-USDT')
    cleanUp(t, () => Promise.all(['stocks', 'btc'].map(queue => removeQueue(t, url, queue))))
    const share = { ...makeQuote({ seq: 1, key: 'xnas:stock:BRK.B' }), publishedTime: 1_700_000_000_999_999 }
    const coin = makeQuote({ seq: 2, key: 'binance:spot:BTC-USDT' })
    await relay.publish([share, coin])
    const [stocks, btc] = await Promise.all(['stocks', 'btc'].map(queue => readQueue(t, url, queue)))
    await waitUntil('both came', () => stocks?.length === 1 && btc?.length === 1)
    assert.equal(btc?.[0]?.fields.routingKey, 'binance.spot.BTC-USDT')
    assert.equal(stocks?.[0]?.fields.routingKey, 'xnas.stock.BRK%2EB')
    const { messageId, contentType, deliveryMode, timestamp, type } = stocks?.[0]?.properties ?? {}
    assert.deepEqual(
      { messageId, contentType, deliveryMode, timestamp, type },
      { messageId: share.id, contentType: 'application/json', deliveryMode: 2, timestamp: 1_700_000_000, type: 'quote' }
    )
  })

  await t.test(
    'a queue that is full refuses; with room again all arrive, and nothing that it had is sent again',
    async t => {
      const counters = newRelayCounters()
      const relay = await openRelay(url, { counters })
      cleanUp(t, () => relay.close())
      const full = { arguments: { 'x-max-length': 10, 'x-overflow': 'reject-publish' } }
      await bindQueue(t, url, 'full', '#', full)
      cleanUp(t, () => removeQueue(t, url, 'full'))
      const quotes = quotesOf(30)
      const refused = await relay.publish(quotes).then(
        () => assert.fail('expected a refusal'),
        (error: RelayError) => error
      )
      assert.deepEqual([refused.code, refused.retryable], ['refused', true])
      assert.equal(counters.nacked, refused.unconfirmed.length)
      assert.equal(counters.confirmed + counters.nacked, quotes.length)
      const received = await readQueue(t, url, 'full')
      await waitUntil('the batch is confirmed', () =>
        relay.publish(quotes).then(
          () => true,
          () => false
        )
      )
      await waitUntil('all came', () => received.length >= quotes.length)
      assert.deepEqual(received.map(({ properties }) => properties.messageId).sort(), quotes.map(({ id }) => id).sort())
      assert.equal(counters.confirmed, quotes.length)
      assert.ok(counters.spared > 0)
    }
  )

  await t.test('of a batch with one quote that nobody has bound only that one comes again', async t => {
    const counters = newRelayCounters()
    const relay = await openRelay(url, { counters })
    cleanUp(t, () => relay.close())
    await bindQueue(t, url, 'partly', 'test.spot.*')
    cleanUp(t, () => removeQueue(t, url, 'partly'))
    const quotes = [...quotesOf(5), makeQuote({ seq: 9, key: 'test:perp:A' })]
    for (let attempt = 0; attempt < 3; attempt++) {
      await assert.rejects(relay.publish(quotes), { code: 'unroutable', unconfirmed: quotes.slice(5) })
    }
    await bindQueue(t, url, 'partly', 'test.perp.*')
    await relay.publish(quotes)
    const received = await readQueue(t, url, 'partly')
    await waitUntil('all came', () => received.length >= quotes.length)
    assert.deepEqual(
      received.map(({ properties }) => properties.messageId),
      quotes.map(({ id }) => id)
    )
    assert.deepEqual([counters.returned, counters.spared], [3, 15])
  })

  await t.test('a key and an id that are too long for AMQP are shortened, the same way every time', async t => {
    const relay = await openRelay(url)
    cleanUp(t, () => relay.close())
    await bindQueue(t, url, 'long', 'test.spot.*')
    cleanUp(t, () => removeQueue(t, url, 'long'))
    const quotes = [1, 1, 2].map(seq => makeQuote({ seq, key: `test:spot:${'𐍈'.repeat(64)}` }))
    for (const quote of quotes) await relay.publish([quote])
    const received = await readQueue(t, url, 'long')
    await waitUntil('all came', () => received.length === 3)
    assert.deepEqual(
      received.map(({ content }) => JSON.parse(content.toString())),
      quotes
    )
    const [first, again, other] = received.map(({ properties }) => properties.messageId)
    assert.match(first, /^~[0-9a-f]{64}$/)
    assert.equal(again, first)
    assert.notEqual(other, first)
  })

  await t.test('an exchange that was deleted is made again', async t => {
    const relay = await openRelay(url)
    cleanUp(t, () => relay.close())
    const connection = await connectAmqp(t, url)
    await (await connection.createChannel()).deleteExchange('quotes')
    await assert.rejects(relay.publish(quotesOf(1)), { code: 'connection_lost', retryable: true })
    await waitUntil('there is an exchange without a queue', () =>
      relay.publish(quotesOf(1)).then(
        () => assert.fail('nobody reads'),
        ({ code }: RelayError) => code === 'unroutable'
      )
    )
  })

  await t.test('with unroutable=drop what nobody has bound is given up and counted', async t => {
    const counters = newRelayCounters()
    const relay = await openRelay(`${url}?unroutable=drop`, { counters })
    cleanUp(t, () => relay.close())
    await relay.publish(quotesOf(7))
    assert.deepEqual([counters.returned, counters.confirmed], [7, 0])
  })

  await t.test('an exchange of another kind is told as such, and the start does not wait for that to pass', async t => {
    const connection = await connectAmqp(t, url)
    const channel = await connection.createChannel()
    await channel.deleteExchange('quotes')
    await channel.assertExchange('quotes', 'fanout', { durable: true })
    await assert.rejects(openRelay(url), { code: 'misdeclared', retryable: true, isAway: false })
    await channel.deleteExchange('quotes')
  })
})

test('a RabbitMQ that is killed rejects what is under way; afterwards everything is confirmed and there', async t => {
  const server = await startRabbitmq(t)
  const counters = newRelayCounters()
  const states: string[] = []
  const relay = await openRelay(server.url, {
    counters,
    onAway: ({ code }) => states.push(code),
    onBack: () => states.push('back')
  })
  cleanUp(t, () => relay.close())
  await bindQueue(t, server.url, 'all')
  // Stopped, it confirms nothing: all of it is surely under way when it dies.
  process.kill(server.pid()!, 'SIGSTOP')
  const batches = Array.from({ length: 20 }, (_, n) => quotesOf(500, n * 500))
  const underWay = Promise.allSettled(batches.map(batch => relay.publish(batch)))
  await server.kill9()
  for (const outcome of await underWay) {
    assert.equal(outcome.status, 'rejected')
    assert.deepEqual([outcome.reason.code, outcome.reason.retryable], ['connection_lost', true])
  }
  await assert.rejects(relay.publish(quotesOf(1)), { code: 'connection_lost', isAway: true })
  await server.restart()
  for (const batch of batches) {
    await waitUntil('a batch is confirmed', () =>
      relay.publish(batch).then(
        () => true,
        () => false
      )
    )
  }
  const received = await readQueue(t, server.url, 'all')
  await waitUntil(
    'every quote came',
    () => new Set(received.map(({ properties }) => properties.messageId)).size === 10_000
  )
  assert.deepEqual(states, ['connection_lost', 'back'])
  assert.equal(counters.reconnects, 1)
  t.diagnostic(`${counters.lost} messages lost with the connection, ${received.length - 10_000} of 10000 came twice`)
})

test('a RabbitMQ that hangs is taken as away: what is under way is rejected, and confirmed when it goes on', async t => {
  const server = await startRabbitmq(t)
  const relay = await openRelay(server.url, { heartbeatS: 1 })
  cleanUp(t, () => relay.close())
  await bindQueue(t, server.url, 'all')
  process.kill(server.pid()!, 'SIGSTOP')
  await assert.rejects(relay.publish(quotesOf(10)), { code: 'connection_lost', retryable: true })
  process.kill(server.pid()!, 'SIGCONT')
  await waitUntil('the batch is confirmed', () =>
    relay.publish(quotesOf(10)).then(
      () => true,
      () => false
    )
  )
})
