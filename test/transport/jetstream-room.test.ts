import assert from 'node:assert/strict'
import { test } from 'node:test'
import { streamControlOf } from '../../lib/transport/stream-control.ts'
import type { TransporterSetting } from '../../lib/transport/transporter-setting.ts'
import { startNatsServer } from '../kit/nats-server.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { ascending, happen, listener, makeNode, thingStreams } from './things.ts'

test('jetstream: a full stream refuses at the deadline with a code, and making room lets publishers go on', async t => {
  const nats = await startNatsServer(t)
  const streams = thingStreams.map(spec => ({ ...spec, maxBytes: 100_000 }))
  const groups = ['first', 'second'].map(group => listener(group))
  const node = await makeNode(
    t,
    { kind: 'nats', servers: [nats.server] },
    groups.map(({ schema }) => schema),
    {
      streams,
      publishDeadlineMs: 1_000
    }
  )
  await node.start()
  let stored = 0
  await assert.rejects(
    waitUntil('the stream is full', async () => {
      await happen(node, ++stored)
      return false
    }),
    { code: 'stream_full', retryable: true }
  )
  const control = streamControlOf(node)
  await waitUntil('all is acknowledged', async () =>
    Boolean((await control.streams())[0]?.groups.every(({ ackFloor }) => ackFloor === stored - 1))
  )
  assert.equal(await control.makeRoom(), stored - 1)
  await happen(node, stored)
})

test('jetstream: making room takes nothing from the hands of a group: what it had when it ended comes again', async t => {
  const setting: TransporterSetting = { kind: 'nats', servers: [(await startNatsServer(t)).server] }
  const streams = thingStreams.map(spec => ({ ...spec, maxBytes: 100_000 }))
  const options = { streams, publishDeadlineMs: 1_000, stopBudgetMs: 100 }
  const held = new Set([150, 151])
  const stuck = listener('second', n => (held.has(n) ? new Promise(() => undefined) : undefined))
  const first = await makeNode(t, setting, [listener('first').schema], options)
  const second = await makeNode(t, setting, [stuck.schema], options)
  await Promise.all([first.start(), second.start()])
  const control = streamControlOf(first)
  const isFull = async () => ((await control.streams())[0]?.bytes ?? 0) > 85_000
  let stored = 0
  while (stored <= Math.max(...held) || !(await isFull())) await happen(first, stored++)
  await waitUntil('all else is handled', () => stuck.seen.length === stored)
  assert.equal(await control.makeRoom(), 150)
  await second.stop()

  const again = listener('second')
  const third = await makeNode(t, setting, [again.schema], options)
  await third.start()
  await waitUntil('what was in hand came again', () => again.numbers().length === held.size)
  assert.deepEqual(ascending(again.numbers()), [...held])
})
