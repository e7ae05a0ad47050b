import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ServiceBroker } from 'moleculer'
import { createTransport } from '../../lib/transport/create-transport.ts'
import { streamControlOf } from '../../lib/transport/stream-control.ts'
import { cleanUp } from '../kit/clean-up.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { ascending, happen, listener, makeNode, range, thingStreams } from './things.ts'
import { testTransporter } from './transporter-contract.ts'

const memory = { kind: 'memory' } as const

testTransporter('memory', async () => memory)

test('memory: stopping finishes everything that is stored, also what waits for another try', async t => {
  let failing = true
  const first = listener('first', () => {
    if (failing) throw Object.assign(new Error('away'), { retryable: true })
  })
  const node = await makeNode(t, memory, [first.schema, listener('second').schema], {
    retryBaseMs: 60_000,
    retryCapMs: 60_000
  })
  await node.start()
  for (const n of range(0, 200)) await happen(node, n)
  await waitUntil('the group has failed', () => first.seen.length >= 64)
  failing = false
  await node.stop()
  assert.deepEqual(ascending([...new Set(first.numbers())]), range(0, 200))
  const { abandoned, acknowledged } = streamControlOf(node).counters()
  assert.deepEqual({ abandoned, acknowledged }, { abandoned: 0, acknowledged: 400 })
})

test('memory: what cannot be finished within the stop budget is counted', async t => {
  const first = listener('first', () => new Promise(() => undefined))
  const node = await makeNode(t, memory, [first.schema, listener('second').schema], { stopBudgetMs: 50 })
  await node.start()
  for (const n of range(0, 20)) await happen(node, n)
  await node.stop()
  assert.equal(streamControlOf(node).counters().abandoned, 20)
})

test('memory: an emit while the node is stopping is refused with a code', async t => {
  const gate = Promise.withResolvers<void>()
  const first = listener('first', () => gate.promise)
  const node = await makeNode(t, memory, [first.schema, listener('second').schema])
  await node.start()
  await happen(node, 1)
  await waitUntil('the handler runs', () => first.seen.length === 1)
  const stopped = node.stop()
  await waitUntil('the node stops', () => node.stopping)
  await assert.rejects(
    waitUntil('an emit is refused', async () => {
      await happen(node, 2)
      return false
    }),
    { code: 'stopping', retryable: true }
  )
  gate.resolve()
  await stopped
})

test('memory: a full stream keeps publishers waiting, and refuses at the deadline', async t => {
  const gate = Promise.withResolvers<void>()
  const first = listener('first', () => gate.promise)
  const node = await makeNode(t, memory, [first.schema, listener('second').schema], {
    memoryBytes: 2_000,
    publishDeadlineMs: 300
  })
  await node.start()
  let stored = 0
  const refusal = await assert.rejects(
    waitUntil('the stream is full', async () => {
      await happen(node, stored)
      stored++
      return false
    }),
    { code: 'stream_full', retryable: true }
  )
  assert.equal(refusal, undefined)
  assert.ok(stored > 2)
  const waiting = happen(node, 1_000)
  gate.resolve()
  await waiting
  await waitUntil('all come', () => first.numbers().includes(1_000))
})

test('memory: a database that is away stalls no reader while there is room; then publishers are held back, and nothing confirmed is lost', async t => {
  let away = true
  const storage = listener('first', () => {
    if (away) throw Object.assign(new Error('database away'), { retryable: true })
  })
  const push = listener('gateway@a')
  const node = await makeNode(t, memory, [storage.schema, listener('second').schema, push.schema], {
    memoryBytes: 40_000,
    publishDeadlineMs: 300
  })
  await node.start()
  const { streams, counters, deadLetters } = streamControlOf(node)
  let confirmed = 0
  await assert.rejects(
    waitUntil('the stream is full', async () => {
      await happen(node, confirmed)
      confirmed++
      await waitUntil('the reader has it', () => push.numbers().at(-1) === confirmed - 1)
      return false
    }),
    { code: 'stream_full', retryable: true }
  )
  const full = (await streams())[0]!
  assert.ok(full.bytes <= 40_000, `${full.bytes} bytes`)
  const tried = new Set(storage.numbers()).size
  assert.ok(confirmed > tried && tried <= 64, `${tried} of ${confirmed} events out of the stream`)
  away = false
  await waitUntil('the group has caught up', async () => (await streams())[0]?.groups[0]?.pending === 0)
  assert.deepEqual(ascending([...new Set(storage.numbers())]), range(0, confirmed))
  assert.deepEqual(push.numbers(), range(0, confirmed))
  const { missed, expired, deadLettered, publishFailures } = counters()
  assert.deepEqual(
    { missed, expired, deadLettered, publishFailures },
    { missed: 0, expired: 0, deadLettered: 0, publishFailures: 1 }
  )
  assert.equal((await deadLetters.page(0, 1)).count, 0)
  await happen(node, confirmed)
})

test('memory: a paused group does not hold up the stop, and what it had not got is counted', async t => {
  const node = await makeNode(t, memory, [listener('first').schema, listener('second').schema], {
    stopBudgetMs: 60_000
  })
  await node.start()
  await streamControlOf(node).setPaused('things', 'first', true)
  for (const n of range(0, 3)) await happen(node, n)
  let stopped = false
  void node.stop().then(() => {
    stopped = true
  })
  await waitUntil('it is stopped', () => stopped)
  assert.equal(streamControlOf(node).counters().abandoned, 3)
})

test('a broker without a transporter of createTransport, or with its balancer on, is refused at start', async t => {
  const { transporter, middleware } = await createTransport(memory, { streams: thingStreams })
  const options = { logger: false, skipProcessEventRegistration: true } as const
  const bare = new ServiceBroker({ ...options, middlewares: [middleware], disableBalancer: true })
  cleanUp(t, () => bare.stop())
  await assert.rejects(bare.start(), {
    code: 'bad_broker_options',
    message: /expected a transporter of createTransport, got none/
  })
  const balanced = new ServiceBroker({
    ...options,
    transporter,
    middlewares: [(await createTransport(memory, { streams: thingStreams })).middleware]
  })
  cleanUp(t, () => balanced.stop())
  await assert.rejects(balanced.start(), { code: 'bad_broker_options', message: /disableBalancer/ })
})
