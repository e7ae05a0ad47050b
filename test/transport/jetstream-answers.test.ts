import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AnswerGate } from '../../lib/transport/answer-gate.ts'
import { streamControlOf } from '../../lib/transport/stream-control.ts'
import type { TransporterSetting } from '../../lib/transport/transporter-setting.ts'
import { startNatsServer } from '../kit/nats-server.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { happen, listener, makeNode, thingStreams } from './things.ts'

test('answers wait while the consumer is lost; then those of its epoch are sent, others are not', () => {
  const counters = { answersDropped: 0 }
  let closed = false
  const gate = new AnswerGate({ isClosed: () => closed }, counters)
  const sent: string[] = []
  const message = { respond: (body: string) => sent.push(body) }
  gate.settle(message, 'a', 'before it is opened')
  gate.open('a')
  gate.settle(message, 'a', 'open')
  gate.hold()
  gate.settle(message, 'a', 'held')
  gate.mention(message, 'a', 'worth nothing later')
  assert.deepEqual(sent, ['before it is opened', 'open'])
  gate.open('a')
  assert.deepEqual(sent, ['before it is opened', 'open', 'held'])
  gate.hold()
  gate.settle(message, 'a', 'of an epoch that ended')
  gate.open('b')
  gate.settle(message, 'a', 'later still')
  assert.equal(sent.length, 3)
  assert.equal(counters.answersDropped, 2)
  closed = true
  gate.settle(message, 'b', 'to nobody')
  assert.equal(sent.length, 3)
})

test('jetstream: the late acknowledgement of an event of a stream that is gone does not settle the new one of its sequence', async t => {
  const nats = await startNatsServer(t)
  const setting: TransporterSetting = { kind: 'nats', servers: [nats.server] }
  const streams = thingStreams.map(spec => ({ ...spec, storage: 'memory' as const, ackWaitMs: 30_000 }))
  const [oldGate, newGate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const old = listener('first', () => oldGate.promise)
  const late = listener('first', async (_n, count) => {
    if (count > 1) return
    await newGate.promise
    throw new Error('the database is away')
  })
  const nodeOfOld = await makeNode(t, setting, [old.schema], { streams })
  await nodeOfOld.start()
  await happen(nodeOfOld, 1)
  await waitUntil('it is in hand', () => old.seen.length === 1)
  await nats.kill9()
  await nats.restart()
  const nodeOfLate = await makeNode(t, setting, [late.schema], { streams })
  await nodeOfLate.start()
  // Only one of two nodes gets it; the one that is still at the old event waits for its end.
  await happen(nodeOfLate, 2)
  await waitUntil('the new event is in hand', () => late.seen.length === 1)
  assert.equal(late.seen[0]?.sequence, old.seen[0]?.sequence)
  oldGate.resolve()
  const counters = () => streamControlOf(nodeOfOld).counters()
  await waitUntil('the old answer is dropped', () => counters().answersDropped === 1)
  newGate.resolve()
  await waitUntil('the new event comes again', () => late.seen.length + old.seen.length >= 3)
})

test('jetstream: what is finished while the server is away is acknowledged when it is back', async t => {
  const nats = await startNatsServer(t)
  const gate = Promise.withResolvers<void>()
  const first = listener('first', () => gate.promise)
  const streams = thingStreams.map(spec => ({ ...spec, ackWaitMs: 30_000 }))
  const node = await makeNode(t, { kind: 'nats', servers: [nats.server] }, [first.schema], { streams })
  await node.start()
  await happen(node, 1)
  await waitUntil('it is in hand', () => first.seen.length === 1)
  await nats.kill9()
  await waitUntil('the node noticed', () => node.transit?.tx.connected === false)
  gate.resolve()
  await nats.restart()
  await waitUntil('it is back', () => node.transit?.tx.connected === true)
  const floor = async () =>
    (
      await streamControlOf(node)
        .streams()
        .catch(() => [])
    )[0]?.groups[0]?.ackFloor
  await waitUntil('it is acknowledged', async () => (await floor()) === 1)
  assert.equal(first.seen.length, 1)
  assert.equal(streamControlOf(node).counters().answersDropped, 0)
})
