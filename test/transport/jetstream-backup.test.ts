import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { JetStreamLink } from '../../lib/transport/jetstream-link.ts'
import { jetStreamNames } from '../../lib/transport/jetstream-names.ts'
import { JetStreamRemoval } from '../../lib/transport/jetstream-removal.ts'
import { JetStreamStreams } from '../../lib/transport/jetstream-streams.ts'
import { streamControlOf } from '../../lib/transport/stream-control.ts'
import type { TransporterSetting } from '../../lib/transport/transporter-setting.ts'
import { startNatsServer } from '../kit/nats-server.ts'
import { backUpStream, beginBackup, restoreStream } from '../kit/stream-snapshot.ts'
import { openAdmin } from './open-admin.ts'
import { allSeen, THINGS } from './replicated-things.ts'
import { happen, listener, makeNode, range, thingStreams } from './things.ts'

async function startListeners(t: TestContext, setting: TransporterSetting) {
  const listeners = ['first', 'second', 'gateway@a'].map(group => listener(group))
  const schemas = listeners.map(({ schema }) => schema)
  const node = await makeNode(t, setting, schemas)
  await node.start()
  return { node, listeners }
}

test('jetstream: a stream restored from an online backup and given another epoch is read from its beginning by every group', async t => {
  const nats = await startNatsServer(t)
  const setting: TransporterSetting = { kind: 'nats', servers: [nats.server] }
  const before = await startListeners(t, setting)
  for (const n of range(0, 10)) await happen(before.node, n)
  for (const group of before.listeners) await allSeen(group, 10)
  const { connection, manager } = await openAdmin(t, nats.server)
  const backup = await backUpStream(connection, THINGS)
  for (const n of range(10, 20)) await happen(before.node, n)
  await before.node.stop()

  await manager.streams.delete(THINGS)
  await restoreStream(connection, backup)
  await manager.streams.update(THINGS, { description: 'epoch 1' })
  const after = await startListeners(t, setting)
  for (const n of range(20, 25)) await happen(after.node, n)
  const [first, second, reader] = after.listeners
  const expected = [...range(0, 10), ...range(20, 25)]
  for (const group of [first, second]) assert.deepEqual(await allSeen(group!, 15), expected)
  const [things] = await streamControlOf(after.node).streams()
  assert.equal(reader?.consuming[0]?.epoch, things?.epoch)
  const [old] = before.listeners
  assert.notEqual(things?.epoch, old?.consuming[0]?.epoch, 'what clients know of the old positions does not count')
})

test('jetstream: what cannot be removed while a backup is taken is not told as gone: removing is refused for now, and ends at once', async t => {
  const nats = await startNatsServer(t)
  const { connection, manager } = await openAdmin(t, nats.server)
  const link = await JetStreamLink.open(connection)
  const streams = new JetStreamStreams(link, jetStreamNames('MOL'), thingStreams)
  const removal = new JetStreamRemoval(link, streams)
  if (removal.isAtOnce) return t.skip('this nats-server purges, also meanwhile')
  await streams.ensureStream(thingStreams[0]!)
  await manager.streams.purge(THINGS)
  // More than the server sends ahead.
  for (const _ of range(0, 1_000))
    await connection.jetstream().publish('MOL.JS.things.thing.happened', randomBytes(16_384))

  const endBackup = await beginBackup(connection, THINGS)
  const { outMsgs } = connection.stats()
  await assert.rejects(removal.remove(THINGS, 1, 1_000), { code: 'jetstream_unavailable', retryable: true })
  await connection.flush()
  assert.ok(connection.stats().outMsgs - outMsgs < 400, 'it does not go on in the background')
  await endBackup()
  assert.equal((await streams.info(THINGS)).state.messages, 1_000)
  await manager.streams.deleteMessage(THINGS, 1)
  await manager.streams.deleteMessage(THINGS, 500)
  assert.equal(await removal.remove(THINGS, 1, 990), 988, 'what is gone already does not count')
  assert.equal((await streams.info(THINGS)).state.messages, 10)
})
