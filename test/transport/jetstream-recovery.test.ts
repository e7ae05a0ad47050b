import assert from 'node:assert/strict'
import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect } from 'nats'
import { MESSAGE_ID_HEADER } from '../../lib/transport/delivery.ts'
import { streamControlOf } from '../../lib/transport/stream-control.ts'
import { TransportError } from '../../lib/transport/transport-error.ts'
import type { TransporterSetting } from '../../lib/transport/transporter-setting.ts'
import { cleanUp } from '../kit/clean-up.ts'
import { startNatsServer } from '../kit/nats-server.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { happen, listener, makeNode, range, thingStreams } from './things.ts'

test('jetstream: a reader that cannot continue because the stream has let go of what follows is told so', async t => {
  const nats = await startNatsServer(t)
  const setting: TransporterSetting = { kind: 'nats', servers: [nats.server] }
  const gate = Promise.withResolvers<void>()
  const reader = listener('gateway@a', () => gate.promise)
  const durable = ['first', 'second'].map(group => listener(group))
  const gateway = await makeNode(t, setting, [reader.schema])
  const writer = await makeNode(
    t,
    setting,
    durable.map(({ schema }) => schema)
  )
  await Promise.all([gateway.start(), writer.start()])
  await Promise.all(range(0, 200).map(n => happen(writer, n)))
  await waitUntil('the reader is at work', () => reader.seen.length === 1)

  const admin = await connect({ servers: nats.server })
  cleanUp(t, () => admin.close())
  const { consumers, streams } = await admin.jetstreamManager()
  for (const { name } of await consumers.list('MOL-things').next()) {
    if (!thingStreams[0]?.groups.includes(name)) await consumers.delete('MOL-things', name)
  }
  await streams.purge('MOL-things', { seq: 190 })
  gate.resolve()

  await waitUntil('the reader is told', () => reader.consuming.length === 2)
  const [before, after] = reader.consuming
  assert.equal(after?.epoch, before?.epoch)
  assert.ok(after !== undefined && after.after >= 189, `begins behind what is gone, got ${after?.after}`)
  await happen(writer, 200)
  await waitUntil('the reader has the last', () => reader.numbers().includes(200))
  const sequences = reader.seen.map(({ sequence }) => sequence)
  assert.deepEqual(
    sequences.filter(sequence => sequence > after.after),
    range(after.after + 1, 202)
  )
  const left = after.after - sequences.filter(sequence => sequence <= after.after).length
  assert.equal(streamControlOf(gateway).counters().missed, left)
})

test('jetstream: a stream that was set back to an older copy gets another epoch, and groups and readers go on in it', async t => {
  const nats = await startNatsServer(t)
  const groups = ['first', 'second', 'gateway@a'].map(group => listener(group))
  const node = await makeNode(
    t,
    { kind: 'nats', servers: [nats.server] },
    groups.map(({ schema }) => schema)
  )
  await node.start()
  const [stored, copy] = [join(nats.dir, 'jetstream'), join(nats.dir, 'copy')]
  const happenFor = async (from: number, to: number) => {
    for (const n of range(from, to)) await happen(node, n)
    for (const { numbers } of groups) await waitUntil('the group has the last', () => numbers().includes(to - 1))
  }
  await happenFor(0, 10)
  await nats.kill9()
  await cp(stored, copy, { recursive: true })
  await nats.restart()
  await happenFor(10, 20)
  await nats.kill9()
  await rm(stored, { recursive: true })
  await cp(copy, stored, { recursive: true })
  await nats.restart()
  await happenFor(20, 23)
  const [, , reader] = groups
  assert.equal(reader?.consuming.length, 2, 'it is told')
  assert.notEqual(reader.consuming[1]?.epoch, reader.consuming[0]?.epoch)
  const [things] = await streamControlOf(node).streams()
  assert.equal(reader.consuming.at(-1)?.epoch, things?.epoch)
  for (const { numbers } of groups)
    assert.deepEqual(
      [...new Set(numbers())].sort((a, b) => a - b),
      range(0, 23)
    )
})

test('jetstream: the largest event that is taken still fits into a dead letter', async t => {
  const nats = await startNatsServer(t)
  const first = listener('first', () => {
    throw new Error('no '.repeat(300))
  })
  const node = await makeNode(t, { kind: 'nats', servers: [nats.server] }, [first.schema])
  await node.start()
  const isTaken = async (length: number): Promise<boolean> => {
    try {
      const headers = { [MESSAGE_ID_HEADER]: `${length}` }
      await node.emit('thing.happened', { n: 1, text: 'x'.repeat(length) }, { throwError: true, headers })
      return true
    } catch (error) {
      if (error instanceof TransportError && error.code === 'too_large') return false
      throw error
    }
  }
  let length = 1024 ** 2
  while (!(await isTaken(length))) length -= 50
  const control = streamControlOf(node)
  await waitUntil('it is given up', async () => (await control.streams())[0]?.groups[0]?.ackFloor === 1)
  assert.equal((await control.deadLetters.page(0, 10)).count, 1)
  assert.equal(control.counters().deadLetterFailures, 0)
})

test('jetstream: a node whose user the server refuses for a while works again when it is known again', async t => {
  const nats = await startNatsServer(t, { config: 'authorization { user: quotecast, password: right }' })
  const first = listener('first')
  const setting: TransporterSetting = { kind: 'nats', servers: [nats.server], user: 'quotecast', password: 'right' }
  const node = await makeNode(t, setting, [first.schema], { publishDeadlineMs: 5_000 })
  await node.start()
  await happen(node, 1)
  const file = join(nats.dir, 'nats.conf')
  const config = await readFile(file, 'utf8')
  const restartWith = async (text: string) => {
    await nats.kill9()
    await writeFile(file, text)
    await nats.restart()
  }
  await restartWith(config.replace('right', 'other'))
  await waitUntil('it was refused three times', () => nats.output().split('authentication error').length > 3)
  await restartWith(config)
  await happen(node, 2)
  await waitUntil('the second event came', () => first.numbers().includes(2))
})
