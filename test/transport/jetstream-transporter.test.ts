import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Context } from 'moleculer'
import { connect } from 'nats'
import { JetStreamLink } from '../../lib/transport/jetstream-link.ts'
import { jetStreamNames } from '../../lib/transport/jetstream-names.ts'
import { JetStreamStreams } from '../../lib/transport/jetstream-streams.ts'
import { streamControlOf } from '../../lib/transport/stream-control.ts'
import type { TransporterSetting } from '../../lib/transport/transporter-setting.ts'
import { cleanUp } from '../kit/clean-up.ts'
import { startNatsServer } from '../kit/nats-server.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { ascending, happen, listener, makeNode, range, thingStreams } from './things.ts'
import { testTransporter } from './transporter-contract.ts'

testTransporter('jetstream', async t => ({ kind: 'nats', servers: [(await startNatsServer(t)).server] }))

test('jetstream: nats-server killed under load three times: every confirmed event comes to each group, none is stored twice', async t => {
  const nats = await startNatsServer(t)
  const setting: TransporterSetting = { kind: 'nats', servers: [nats.server] }
  const groups = ['first', 'second', 'gateway@a'].map(group => listener(group))
  const consumer = await makeNode(
    t,
    setting,
    groups.map(({ schema }) => schema)
  )
  const publisher = await makeNode(t, setting, [])
  await Promise.all([consumer.start(), publisher.start()])

  const confirmed: number[] = []
  let next = 0
  let ended = false
  const publishing = Array.from({ length: 8 }, async () => {
    while (!ended) {
      const n = next++
      await happen(publisher, n, `thing-${n}`)
      confirmed.push(n)
    }
  })
  for (const kill of range(0, 3)) {
    const enough = confirmed.length + 500
    await waitUntil(`enough events before kill ${kill}`, () => confirmed.length > enough)
    await nats.kill9()
    await nats.restart()
  }
  const enough = confirmed.length + 500
  await waitUntil('enough events after the last kill', () => confirmed.length > enough)
  ended = true
  await Promise.all(publishing)

  const distinct = (numbers: number[]) => ascending([...new Set(numbers)])
  for (const { numbers } of groups) {
    await waitUntil('the group has all', () => new Set(numbers()).size >= confirmed.length)
    assert.deepEqual(distinct(numbers()), ascending(confirmed))
  }
  const [things] = await streamControlOf(publisher).streams()
  assert.equal(things?.lastSequence, confirmed.length, 'nothing is stored twice')
  const [, , reader] = groups
  assert.deepEqual(
    reader?.seen.map(({ sequence }) => sequence),
    range(1, confirmed.length + 1),
    'the reader has no gap'
  )
  assert.equal(new Set(groups.flatMap(({ consuming }) => consuming.map(({ epoch }) => epoch))).size, 1)
  const { publishRetries } = streamControlOf(publisher).counters()
  console.log(
    `confirmed ${confirmed.length}, stored ${things?.lastSequence}, lost 0, doubled 0, retries ${publishRetries}`
  )
})

test('jetstream: a deleted stream is made anew with another epoch, and consuming goes on in every group', async t => {
  const nats = await startNatsServer(t)
  const groups = ['first', 'second', 'gateway@a'].map(group => listener(group))
  const node = await makeNode(
    t,
    { kind: 'nats', servers: [nats.server] },
    groups.map(({ schema }) => schema)
  )
  await node.start()
  for (const n of range(0, 10)) await happen(node, n)
  for (const { seen } of groups) await waitUntil('the group has ten', () => seen.length === 10)

  const admin = await connect({ servers: nats.server })
  cleanUp(t, () => admin.close())
  await (await admin.jetstreamManager()).streams.delete('MOL-things')
  for (const n of range(10, 20)) await happen(node, n)
  for (const { consuming } of groups) await waitUntil('the new epoch is announced', () => consuming.length === 2)
  await happen(node, 20)
  for (const { seen, consuming, log, numbers } of groups) {
    await waitUntil('the group has the last', () => numbers().includes(20))
    const [before, after] = consuming
    assert.equal(consuming.length, 2)
    assert.notEqual(before?.epoch, after?.epoch)
    assert.equal(log.lastIndexOf('consuming'), 11, 'the new epoch is announced before its first event')
    assert.ok(seen.slice(0, 10).every(({ epoch }) => epoch === before?.epoch))
    // A reader begins behind what the tail group has acknowledged of the new stream by then.
    await waitUntil('all came', () => seen.length >= 21 - (after?.after ?? 0))
    assert.deepEqual(
      seen
        .slice(10)
        .sort((a, b) => a.sequence - b.sequence)
        .map(({ n, epoch, sequence }) => ({ n, epoch, sequence })),
      range((after?.after ?? 0) + 1, 12).map(sequence => ({ n: sequence + 9, epoch: after?.epoch, sequence }))
    )
  }
  for (const { seen } of groups.slice(0, 2)) assert.equal(seen.length, 21)
})

test('jetstream: a stream in memory is gone with its server; it is made anew and its consumers live again', async t => {
  const nats = await startNatsServer(t)
  const streams = thingStreams.map(spec => ({ ...spec, storage: 'memory' as const }))
  const groups = ['first', 'gateway@a'].map(group => listener(group))
  const node = await makeNode(
    t,
    { kind: 'nats', servers: [nats.server] },
    groups.map(({ schema }) => schema),
    { streams }
  )
  await node.start()
  await happen(node, 1)
  for (const { seen } of groups) await waitUntil('the event came', () => seen.length === 1)
  await nats.kill9()
  await nats.restart()
  await happen(node, 2)
  for (const { seen, consuming } of groups) {
    await waitUntil('the second event came', () => seen.length === 2)
    assert.deepEqual(
      seen.map(({ n, sequence }) => ({ n, sequence })),
      [1, 2].map(n => ({ n, sequence: 1 }))
    )
    assert.deepEqual(
      consuming.map(({ epoch }) => epoch),
      seen.map(({ epoch }) => epoch)
    )
    assert.notEqual(seen[0]?.epoch, seen[1]?.epoch)
  }
})

test('jetstream: a deleted consumer is made anew; what its group had not acknowledged comes again', async t => {
  const nats = await startNatsServer(t)
  const first = listener('first')
  const node = await makeNode(t, { kind: 'nats', servers: [nats.server] }, [first.schema])
  await node.start()
  await happen(node, 1)
  await waitUntil('the event came', () => first.seen.length === 1)
  const admin = await connect({ servers: nats.server })
  cleanUp(t, () => admin.close())
  await (await admin.jetstreamManager()).consumers.delete('MOL-things', 'first')
  await happen(node, 2)
  await waitUntil('the second event came', () => first.numbers().includes(2))
  assert.equal(new Set(first.consuming.map(({ epoch }) => epoch)).size, 1)
})

test('jetstream: two nodes of a work queue share about evenly, and each job is done once', async t => {
  const nats = await startNatsServer(t)
  const setting: TransporterSetting = { kind: 'nats', servers: [nats.server] }
  const work = () => listener('worker', () => new Promise(resolve => setTimeout(resolve, 5)), 'job.due')
  const workers = [work(), work()]
  const nodes = await Promise.all(workers.map(({ schema }) => makeNode(t, setting, [schema])))
  const scheduler = await makeNode(t, setting, [])
  await Promise.all([...nodes, scheduler].map(node => node.start()))
  for (const n of range(0, 400)) await happen(scheduler, n, `job@${n}`, 'job.due')
  const done = () => workers.flatMap(({ numbers }) => numbers())
  await waitUntil('all jobs are done', () => done().length >= 400)
  assert.deepEqual(ascending(done()), range(0, 400))
  const shares = workers.map(({ seen }) => seen.length)
  console.log(`shares of 400 jobs: ${shares.join(' and ')}`)
  assert.ok(
    shares.every(share => share >= 100),
    `expected at least 100 of 400 each, got ${shares}`
  )
})

test('jetstream: two nodes in a durable group share it, a node that stops gives back what it has not begun', async t => {
  const nats = await startNatsServer(t)
  const setting: TransporterSetting = { kind: 'nats', servers: [nats.server] }
  const slow = () => listener('first', () => new Promise(resolve => setTimeout(resolve, 10)))
  const listeners = [slow(), slow()]
  const nodes = await Promise.all(listeners.map(({ schema }) => makeNode(t, setting, [schema])))
  await Promise.all(nodes.map(node => node.start()))
  const [leaving, staying] = nodes
  await Promise.all(range(0, 300).map(n => happen(staying!, n)))
  await waitUntil('both have begun', () => listeners.every(({ seen }) => seen.length > 0))
  await leaving?.stop()
  const group = async () => (await streamControlOf(staying!).streams())[0]?.groups[0]
  await waitUntil('all is acknowledged', async () => (await group())?.pending === 0)
  const all = listeners.flatMap(({ numbers }) => numbers())
  assert.deepEqual(ascending([...new Set(all)]), range(0, 300))
  assert.deepEqual(
    nodes.map(node => streamControlOf(node).counters().abandoned),
    [0, 0]
  )
})

test('jetstream: a handler that takes longer than the ack wait is left to finish', async t => {
  const nats = await startNatsServer(t)
  const streams = thingStreams.map(spec => ({ ...spec, ackWaitMs: 300 }))
  const first = listener('first', () => new Promise(resolve => setTimeout(resolve, 1_000)))
  const node = await makeNode(t, { kind: 'nats', servers: [nats.server] }, [first.schema], { streams })
  await node.start()
  await happen(node, 1)
  const control = streamControlOf(node)
  await waitUntil('it is acknowledged', async () => (await control.streams())[0]?.groups[0]?.ackFloor === 1)
  assert.equal(first.seen.length, 1)
})

test('jetstream: a message that is no event goes to the dead letters', async t => {
  const nats = await startNatsServer(t)
  const first = listener('first')
  const node = await makeNode(t, { kind: 'nats', servers: [nats.server] }, [first.schema])
  await node.start()
  const stranger = await connect({ servers: nats.server })
  cleanUp(t, () => stranger.close())
  await stranger.jetstream().publish('MOL.JS.things.thing.happened', 'not json')
  await happen(node, 1)
  const control = streamControlOf(node)
  await waitUntil('both are settled', async () => (await control.streams())[0]?.groups[0]?.ackFloor === 2)
  const { letters } = await control.deadLetters.page(0, 10)
  assert.deepEqual(
    letters.map(({ reason, event, bytes }) => ({ reason, event, bytes })),
    [{ reason: 'unreadable', event: null, bytes: 8 }]
  )
})

test('jetstream: an event is told with the microsecond at which it was stored, and found by it', async t => {
  const node = await makeNode(t, { kind: 'nats', servers: [(await startNatsServer(t)).server] }, [])
  await node.start()
  for (const n of range(0, 40)) await happen(node, n)
  const control = streamControlOf(node)
  const times = new Set<number>()
  for (const sequence of range(1, 41)) {
    const event = await control.next('things', sequence - 1)
    assert.equal(event?.sequence, sequence)
    assert.equal(await control.sequenceBefore('things', event.time), sequence - 1)
    assert.equal(await control.sequenceBefore('things', event.time + 1), sequence)
    times.add(event.time)
  }
  assert.equal(times.size, 40)
})

test('jetstream: without a server a publish is refused at the deadline, and stopping does not hang', async t => {
  const nats = await startNatsServer(t)
  const node = await makeNode(t, { kind: 'nats', servers: [nats.server] }, [listener('first').schema], {
    publishDeadlineMs: 500
  })
  await node.start()
  await nats.kill9()
  await assert.rejects(happen(node, 1), { code: 'unconfirmed', retryable: true })
  await node.stop()
})

test('jetstream: streams of two namespaces on one server do not mix', async t => {
  const nats = await startNatsServer(t)
  const setting: TransporterSetting = { kind: 'nats', servers: [nats.server] }
  const first = listener('first')
  const node = await makeNode(t, setting, [first.schema])
  const other = await makeNode(t, setting, [], { namespace: 'other' })
  await Promise.all([node.start(), other.start()])
  await happen(other, 1)
  await happen(node, 2)
  await waitUntil('the event came', () => first.seen.length === 1)
  assert.deepEqual(first.numbers(), [2])
  assert.equal((await streamControlOf(other).streams())[0]?.lastSequence, 1)
})

test('jetstream: a changed table changes streams and consumers in the server; what it cannot change is refused with a code', async t => {
  const nats = await startNatsServer(t)
  const setting: TransporterSetting = { kind: 'nats', servers: [nats.server] }
  const before = await makeNode(t, setting, [])
  await before.start()
  await happen(before, 1)
  const streams = thingStreams.map(spec => ({ ...spec, maxBytes: 5_000_000, ackWaitMs: 7_000 }))
  const after = await makeNode(t, setting, [], { streams })
  await after.start()
  const admin = await connect({ servers: nats.server })
  cleanUp(t, () => admin.close())
  const manager = await admin.jetstreamManager()
  const { config, state } = await manager.streams.info('MOL-things')
  assert.deepEqual([config.max_bytes, state.messages], [5_000_000, 1])
  assert.equal((await manager.consumers.info('MOL-things', 'second')).config.ack_wait, 7e9)

  const link = await JetStreamLink.open(admin)
  const other = streams.map(spec => ({ ...spec, retention: 'workqueue' as const }))
  const [things] = other
  const ensured = new JetStreamStreams(link, jetStreamNames('MOL'), other).ensureStream(things!)
  await assert.rejects(ensured, {
    code: 'stream_refused',
    message: /stream MOL-things .*retention: expected "workqueue", got "limits"/
  })
})

test('jetstream: no request is lost while the services of its node are announced again', async t => {
  const nats = await startNatsServer(t)
  const node = await makeNode(t, { kind: 'nats', servers: [nats.server] }, [
    { name: 'echo', actions: { say: (ctx: Context<{ x: number }>) => ctx.params.x } }
  ])
  await node.start()
  const answers: Promise<unknown>[] = []
  for (let x = 0; x < 200; x++) {
    answers.push(node.call('echo.say', { x }))
    if (x % 5 === 0) await node.registry.discoverer.sendLocalNodeInfo()
  }
  assert.deepEqual(await Promise.all(answers), range(0, 200))
})
