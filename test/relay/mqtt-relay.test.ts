import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openRelay } from '../../lib/relay/open-relay.ts'
import { newRelayCounters } from '../../lib/relay/relay.ts'
import { makeQuote } from '../feed/make-quote.ts'
import { cleanUp } from '../kit/clean-up.ts'
import { startMosquitto } from '../kit/mosquitto.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { readTopics } from './mqtt-reader.ts'
import { quotesOf, runRelaySuite } from './relay-suite.ts'

test('the relay to Mosquitto', async t => {
  const { url } = await startMosquitto(t)

  await runRelaySuite(t, async t => {
    const relay = await openRelay(url)
    cleanUp(t, () => relay.close())
    const read = async () => (await readTopics(t, url)).received
    return { relay, read }
  })

  await t.test('a message says what it is, and its topic has one level for each part of the key', async t => {
    const relay = await openRelay(url)
    cleanUp(t, () => relay.close())
    const { packets } = await readTopics(t, url, 'quotes/kraken/spot/+')
    await relay.publish([makeQuote({ seq: 1, key: 'kraken:spot:BTC/USD' })])
    await waitUntil('it came', () => packets.length === 1)
    const { topic, qos, retain, properties } = packets[0]!
    assert.deepEqual([topic, qos, retain], ['quotes/kraken/spot/BTC%2FUSD', 1, false])
    assert.equal(properties?.contentType, 'application/json')
  })

  await t.test('no symbol ends the connection: what no topic may hold is escaped', async t => {
    const counters = newRelayCounters()
    const relay = await openRelay(url, { counters })
    cleanUp(t, () => relay.close())
    const { packets } = await readTopics(t, url)
    const symbols = ['\ufdd0', '\uffff', '\u{1ffff}', '\ud800', '+', '#', '%', '$SYS', '/', '\u{10ffff}']
    const quotes = symbols.map((symbol, index) => makeQuote({ seq: index, key: `test:spot:${symbol}` }))
    await relay.publish(quotes)
    await waitUntil('all came', () => packets.length === symbols.length)
    assert.deepEqual([counters.confirmed, counters.lost], [symbols.length, 0])
  })

  await t.test(
    'with retain=true the broker keeps the last quote of each topic, and nothing is without a reader',
    async t => {
      const relay = await openRelay(`${url}?retain=true`)
      cleanUp(t, () => relay.close())
      const key = 'test:spot:KEPT'
      await relay.publish([makeQuote({ seq: 1, key })])
      await relay.publish([makeQuote({ seq: 2, key })])
      const { received } = await readTopics(t, url, 'quotes/test/spot/KEPT')
      await waitUntil('the last one came', () => received.length === 1)
      assert.equal(received[0]?.id, makeQuote({ seq: 2, key }).id)
    }
  )
})

test('a Mosquitto that is stopped in order keeps what it has confirmed for a subscriber that is not there', async t => {
  const server = await startMosquitto(t)
  const reader = await readTopics(t, server.url, 'quotes/#', 'durable')
  await reader.leave()
  const relay = await openRelay(server.url)
  cleanUp(t, () => relay.close())
  const quotes = quotesOf(2_000)
  await relay.publish(quotes)
  assert.equal(await server.stop(), 0)
  await server.restart()
  const { received } = await readTopics(t, server.url, 'quotes/#', 'durable')
  await waitUntil('all came', () => new Set(received.map(({ id }) => id)).size === quotes.length)
})

test('a Mosquitto that is killed rejects what is under way, and the relay finds it again', async t => {
  const server = await startMosquitto(t)
  const counters = newRelayCounters()
  const states: string[] = []
  const relay = await openRelay(server.url, {
    counters,
    onAway: ({ code }) => states.push(code),
    onBack: () => states.push('back')
  })
  cleanUp(t, () => relay.close())
  await readTopics(t, server.url)
  process.kill(server.pid()!, 'SIGSTOP')
  const batches = Array.from({ length: 10 }, (_, n) => quotesOf(500, n * 500))
  const underWay = Promise.allSettled(batches.map(batch => relay.publish(batch)))
  await server.kill9()
  for (const outcome of await underWay) {
    assert.equal(outcome.status, 'rejected')
    assert.deepEqual([outcome.reason.code, outcome.reason.retryable], ['connection_lost', true])
  }
  await server.restart()
  const { received } = await readTopics(t, server.url)
  for (const batch of batches) {
    await waitUntil('a batch is confirmed', () =>
      relay.publish(batch).then(
        () => true,
        () => false
      )
    )
  }
  await waitUntil('every quote came', () => new Set(received.map(({ id }) => id)).size === 5_000)
  assert.deepEqual(states, ['connection_lost', 'back'])
  assert.equal(counters.reconnects, 1)
})

test('a Mosquitto that hangs is taken as away: what is under way is rejected, and confirmed when it goes on', async t => {
  const server = await startMosquitto(t)
  const relay = await openRelay(server.url, { heartbeatS: 1 })
  cleanUp(t, () => relay.close())
  await readTopics(t, server.url)
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
