import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Context } from 'moleculer'
import type { Events } from '../../lib/quote/events.ts'
import type { TransporterSetting } from '../../lib/transport/transporter-setting.ts'
import { type BufferStats, bufferService, type GroupLag } from '../../services/buffer.service.ts'
import { startNatsServer } from '../kit/nats-server.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { happen, listener, makeNode, range } from '../transport/things.ts'

const quick = { intervalMs: 20, limits: { warnLag: 10, highLag: 1_000, warnFill: 0.5, highFill: 0.8 } }

function testBuffer(name: string, open: (t: TestContext) => Promise<TransporterSetting>): void {
  test(`${name}: the buffer tells a group that falls behind, and when it has caught up, once each`, async t => {
    const told: Events['buffer.pressure'][] = []
    const ear = {
      name: 'ear',
      events: { 'buffer.pressure': (ctx: Context<Events['buffer.pressure']>) => void told.push(ctx.params) }
    }
    const gate = Promise.withResolvers<void>()
    const slow = listener('first', () => gate.promise)
    const node = await makeNode(t, await open(t), [ear, slow.schema, listener('second').schema])
    node.createService(bufferService(quick))
    await node.start()
    await waitUntil('the first look is told', () => told.length === 3)
    assert.deepEqual(
      told.splice(0).map(({ level }) => level),
      ['none', 'none', 'none']
    )
    for (const n of range(0, 20)) await happen(node, n)
    await waitUntil('pressure is told', () => told.length === 1)
    const stats = () => node.call<BufferStats, object>('buffer.stats', {})
    const { looks } = await stats()
    await waitUntil('it looked again', async () => (await stats()).looks > looks + 2)
    gate.resolve()
    await waitUntil('relief is told', () => told.length === 2)
    assert.deepEqual(
      told.map(({ group, level }) => ({ group, level })),
      [
        { group: 'first', level: 'warn' },
        { group: 'first', level: 'none' }
      ]
    )
    const { transport, announced, failedLooks } = await stats()
    assert.deepEqual(
      { announced, failedLooks, published: transport.published },
      { announced: 5, failedLooks: 0, published: 20 }
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
}

testBuffer('memory', async () => ({ kind: 'memory' }))
testBuffer('jetstream', async t => ({ kind: 'nats', servers: [(await startNatsServer(t)).server] }))
