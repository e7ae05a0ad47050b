import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import type { Context } from 'moleculer'
import type { StoredPage } from '../../lib/buffer/read-page.ts'
import type { ReplayReport } from '../../lib/buffer/replays.ts'
import type { Events } from '../../lib/quote/events.ts'
import { isAtLeast } from '../../lib/transport/server-version.ts'
import type { TransporterSetting } from '../../lib/transport/transporter-setting.ts'
import { type BufferStats, bufferService, type GroupLag } from '../../services/buffer.service.ts'
import { startNatsServer } from '../kit/nats-server.ts'
import { beginBackup } from '../kit/stream-snapshot.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { openAdmin } from '../transport/open-admin.ts'
import { happen, listener, makeNode, range, thingStreams } from '../transport/things.ts'

const quick = { intervalMs: 20, limits: { warnLag: 10, highLag: 1_000, warnFill: 0.5, highFill: 0.8 } }

function testBuffer(name: string, open: (t: TestContext) => Promise<TransporterSetting>): void {
  test(`${name}: the buffer tells a group that falls behind, and when it has caught up, once each`, async t => {
    const told: Events['buffer.pressure'][] = []
    const ear = {
      name: 'ear',
      events: { 'buffer.pressure': (ctx: Context<Events['buffer.pressure']>) => void told.push(ctx.params) }
    }
    // A look may come between the events and any handler: what it says of the second group is as it happens.
    const levels = () => told.filter(({ group }) => group === 'first').map(({ level }) => level)
    const gate = Promise.withResolvers<void>()
    const slow = listener('first', () => gate.promise)
    const node = await makeNode(t, await open(t), [ear, slow.schema, listener('second').schema])
    node.createService(bufferService(quick))
    await node.start()
    await waitUntil('the first look is told of every group', () => told.length === 3)
    assert.deepEqual(
      told.map(({ level }) => level),
      ['none', 'none', 'none']
    )
    for (const n of range(0, 20)) await happen(node, n)
    await waitUntil('pressure is told', () => levels().length === 2)
    const stats = () => node.call<BufferStats, object>('buffer.stats', {})
    const { looks } = await stats()
    await waitUntil('it looked again', async () => (await stats()).looks > looks + 2)
    gate.resolve()
    await waitUntil('relief is told', () => levels().length === 3)
    assert.deepEqual(levels(), ['none', 'warn', 'none'])
    const { transport, announced, failedLooks } = await stats()
    assert.deepEqual(
      { announced, failedLooks, published: transport.published },
      { announced: told.length, failedLooks: 0, published: 20 }
    )
  })

  test(`${name}: the buffer shows streams, lag and dead letters`, async t => {
    const first = listener('first', n => {
      if (n === 1) throw new Error('no ones')
    })
    const node = await makeNode(t, await open(t), [first.schema])
    node.createService(bufferService(quick))
    await node.start()
    for (const n of range(0, 3)) await happen(node, n)
    const lag = async () =>
      (await node.call<GroupLag[], object>('buffer.lag', {})).map(({ stream, group, pending }) =>
        [stream, group, pending].join(' ')
      )
    await waitUntil('the first group is done', async () => (await lag()).includes('things first 0'))
    assert.deepEqual(await lag(), ['things first 0', 'things second 3', 'jobs worker 0'])
    const streams = await node.call<{ name: string; lastSequence: number }[], object>('buffer.streams', {})
    assert.deepEqual(
      streams.map(({ name, lastSequence }) => [name, lastSequence]),
      [
        ['things', 3],
        ['jobs', 0]
      ]
    )
    const page = await node.call<{ count: number; letters: { error: string }[] }, object>('buffer.deadLetters', {
      limit: 1
    })
    assert.deepEqual([page.count, page.letters.map(({ error }) => error)], [1, ['no ones']])
    await assert.rejects(node.call('buffer.deadLetters', { limit: 101 }), { code: 422 })
  })

  test(`${name}: a dead letter is handed to the group that gave it up only, and goes when it is handled`, async t => {
    let broken = true
    const first = listener('first', n => {
      if (n === 1 && broken) throw new Error('no ones')
    })
    const second = listener('second')
    const node = await makeNode(t, await open(t), [first.schema, second.schema])
    node.createService(bufferService(quick))
    await node.start()
    for (const n of range(0, 3)) await happen(node, n)
    const page = () => node.call<{ letters: { number: number }[] }, object>('buffer.deadLetters', {})
    await waitUntil('it is given up', async () => (await page()).letters.length === 1)
    await waitUntil('the other group has all', () => second.seen.length === 3)
    const [letter] = (await page()).letters
    const shown = await node.call('buffer.deadLetter', { number: letter?.number })
    assert.deepEqual((shown as { payload: unknown }).payload, { n: 1 })
    const retry = () => node.call('buffer.retryDeadLetters', { numbers: [letter?.number, 999] })
    assert.deepEqual(await retry(), { handled: [], failed: [{ number: letter?.number, error: 'no ones' }], left: [] })
    assert.equal((await page()).letters.length, 1)
    broken = false
    assert.deepEqual(await retry(), { handled: [letter?.number], failed: [], left: [] })
    assert.deepEqual((await page()).letters, [])
    assert.equal(second.seen.length, 3)
    await assert.rejects(node.call('buffer.deadLetter', { number: letter?.number }), { code: 404 })
  })

  test(`${name}: dead letters can be removed`, async t => {
    const first = listener('first', () => {
      throw new Error('no')
    })
    const node = await makeNode(t, await open(t), [first.schema])
    node.createService(bufferService(quick))
    await node.start()
    for (const n of range(0, 3)) await happen(node, n)
    const page = () => node.call<{ count: number; letters: { number: number }[] }, object>('buffer.deadLetters', {})
    await waitUntil('all are given up', async () => (await page()).count === 3)
    const [, middle] = (await page()).letters
    assert.equal(await node.call('buffer.removeDeadLetters', { numbers: [middle?.number, 999] }), 1)
    const { count, letters } = await page()
    assert.deepEqual([count, letters.length, letters.some(({ number }) => number === middle?.number)], [2, 2, false])
  })

  test(`${name}: a paused group gets nothing, misses nothing, and holds up nobody`, async t => {
    const [first, second] = [listener('first'), listener('second')]
    const node = await makeNode(t, await open(t), [first.schema, second.schema])
    node.createService(bufferService(quick))
    await node.start()
    await happen(node, 0)
    await waitUntil('both have it', () => first.seen.length + second.seen.length === 2)
    await node.call('buffer.pause', { stream: 'things', group: 'first' })
    const isPaused = async () =>
      (await node.call<GroupLag[], object>('buffer.lag', {})).find(({ group }) => group === 'first')?.paused
    assert.equal(await isPaused(), true)
    await waitUntil('the node has heard it', async () => {
      await happen(node, 100)
      await waitUntil('the other group goes on', () => second.seen.length > 1)
      const { pending } = (await node.call<GroupLag[], object>('buffer.lag', {}))[0] as GroupLag
      return pending > 0
    })
    const before = first.seen.length
    for (const n of range(1, 6)) await happen(node, n)
    await waitUntil('the other group has them', () => second.numbers().includes(5))
    assert.equal(first.seen.length, before)
    await node.call('buffer.resume', { stream: 'things', group: 'first' })
    await waitUntil('the group has what came meanwhile', () => range(0, 6).every(n => first.numbers().includes(n)))
    assert.equal(await isPaused(), false)
    await assert.rejects(node.call('buffer.pause', { stream: 'things', group: 'third' }), {
      code: 404,
      message: /one of first, second, got third/
    })
    await assert.rejects(node.call('buffer.pause', { stream: 'nothings', group: 'first' }), { code: 404 })
  })

  test(`${name}: stored events are read in pages, and handed to one group again`, async t => {
    const [first, second] = [listener('first'), listener('second')]
    const node = await makeNode(t, await open(t), [first.schema, second.schema])
    node.createService(bufferService(quick))
    await node.start()
    await node.call('buffer.pause', { stream: 'things', group: 'second' })
    for (const n of range(0, 7)) await happen(node, n)
    await waitUntil('the first group has all', () => first.seen.length === 7)
    const read: unknown[] = []
    let next: number | null = 0
    while (next !== null) {
      const page: StoredPage = await node.call('buffer.read', { stream: 'things', after: next, limit: 3 })
      read.push(...page.events.map(({ sequence, event, payload }) => [sequence, event, payload]))
      next = page.next
    }
    assert.deepEqual(
      read,
      range(0, 7).map(n => [n + 1, 'thing.happened', { n }])
    )
    const { events } = await node.call<StoredPage, object>('buffer.read', {
      stream: 'things',
      from: Date.now() * 1_000 + 1e9
    })
    assert.deepEqual(events, [])

    first.seen.length = 0
    const id = await node.call('buffer.replay', { stream: 'things', group: 'first', after: 2, upTo: 5 })
    const report = async () =>
      (await node.call<ReplayReport[], object>('buffer.replays', {})).find(one => one.id === id)
    await waitUntil('the replay is done', async () => (await report())?.state === 'done')
    assert.deepEqual(first.numbers(), [2, 3, 4])
    assert.deepEqual((await report())?.handled, 3)
    await assert.rejects(node.call('buffer.stopReplay', { id: 99 }), { code: 404 })
  })

  test(`${name}: a purge asks for confirmation, and tells a reader that it overtook`, async t => {
    const gate = Promise.withResolvers<void>()
    const reader = listener('gateway@a', n => (n === 0 ? gate.promise : undefined))
    const node = await makeNode(t, await open(t), [reader.schema])
    node.createService(bufferService(quick))
    await node.start()
    // More than a reader takes in advance.
    for (const n of range(0, 300)) await happen(node, n)
    await waitUntil('it is at the first', () => reader.seen.length === 1)
    const purge = (more: object) => node.call('buffer.purge', { stream: 'things', upTo: 290, ...more })
    await assert.rejects(purge({}), { code: 409, message: /removes 290 events .*confirm: things/ })
    await assert.rejects(purge({ confirm: 'yes' }), { code: 409 })
    assert.equal(await purge({ confirm: 'things' }), 290)
    gate.resolve()
    await waitUntil('it has the last', () => reader.numbers().includes(299))
    const told = reader.consuming.at(-1)
    assert.ok(reader.consuming.length >= 2 && told !== undefined, 'it is told again')
    const later = reader.seen.filter(({ sequence }) => sequence > told.after).map(({ sequence }) => sequence)
    assert.deepEqual(later, range(told.after + 1, 301), 'behind that place nothing is missing')
    const { transport } = await node.call<BufferStats, object>('buffer.stats', {})
    assert.ok(transport.missed > 0)
  })
}

testBuffer('memory', async () => ({ kind: 'memory' }))
testBuffer('jetstream', async t => ({ kind: 'nats', servers: [(await startNatsServer(t)).server] }))

test('jetstream: a stream that is gone is made again by the buffer, and does not silence it for the others', async t => {
  const nats = await startNatsServer(t)
  const gate = Promise.withResolvers<void>()
  const told: Events['buffer.pressure'][] = []
  const ear = {
    name: 'ear',
    events: { 'buffer.pressure': (ctx: Context<Events['buffer.pressure']>) => void told.push(ctx.params) }
  }
  const node = await makeNode(t, { kind: 'nats', servers: [nats.server] }, [
    ear,
    listener('first', () => gate.promise).schema
  ])
  node.createService(bufferService(quick))
  await node.start()
  const { manager } = await openAdmin(t, nats.server)
  await manager.streams.delete('MOL-jobs')
  for (const n of range(0, 20)) await happen(node, n)
  await waitUntil('pressure is told', () => told.some(({ group, level }) => group === 'first' && level === 'warn'))
  await waitUntil('the stream is there', async () => (await manager.consumers.list('MOL-jobs').next()).length === 1)
  const { failedLooks } = await node.call<BufferStats, object>('buffer.stats', {})
  assert.equal(failedLooks, 0)
  gate.resolve()
})

test('jetstream: who has caught up is told also while a backup lets nothing be removed, and room is made after it', async t => {
  const { server } = await startNatsServer(t)
  const { connection } = await openAdmin(t, server)
  if (isAtLeast(connection.info?.version ?? '', [2, 9, 15])) return t.skip('this nats-server purges, also meanwhile')
  const told: Events['buffer.pressure'][] = []
  const ear = {
    name: 'ear',
    events: { 'buffer.pressure': (ctx: Context<Events['buffer.pressure']>) => void told.push(ctx.params) }
  }
  const levelOfFirst = () => told.findLast(({ group }) => group === 'first')?.level
  const gate = Promise.withResolvers<void>()
  const group = (name: string, handler: () => void | Promise<void>) => ({
    name,
    events: { 'thing.happened': { group: name, handler } }
  })
  const streams = thingStreams.map(spec => ({ ...spec, maxBytes: 24_000_000 }))
  const services = [ear, group('first', () => gate.promise), group('second', () => undefined)]
  const node = await makeNode(t, { kind: 'nats', servers: [server] }, services, { streams })
  node.createService(bufferService(quick))
  await node.start()
  // Above 80 % of the stream, and more than the server sends ahead of a backup.
  for (const _ of range(0, 200)) await happen(node, randomBytes(75_000).toString('base64'))
  await waitUntil('the group is behind', () => levelOfFirst() === 'high')
  const endBackup = await beginBackup(connection, 'MOL-things')
  gate.resolve()
  await waitUntil('relief is told', () => levelOfFirst() === 'none')
  const stats = () => node.call<BufferStats, object>('buffer.stats', {})
  await waitUntil('room cannot be made', async () => (await stats()).failedLooks > 0)
  assert.equal((await stats()).purged, 0)
  await endBackup()
  await waitUntil('room is made', async () => (await stats()).purged === 200)
})
