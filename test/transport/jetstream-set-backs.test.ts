import assert from 'node:assert/strict'
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connect } from 'nats'
import { absentAs } from '../../lib/transport/jetstream-errors.ts'
import { JetStreamLink } from '../../lib/transport/jetstream-link.ts'
import { jetStreamNames } from '../../lib/transport/jetstream-names.ts'
import { JetStreamSetBacks } from '../../lib/transport/jetstream-set-backs.ts'
import { JetStreamStreams } from '../../lib/transport/jetstream-streams.ts'
import { streamControlOf } from '../../lib/transport/stream-control.ts'
import { newTransportCounters } from '../../lib/transport/transport-counters.ts'
import type { TransporterSetting } from '../../lib/transport/transporter-setting.ts'
import { cleanUp } from '../kit/clean-up.ts'
import { type NatsServer, startNatsServer } from '../kit/nats-server.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { openAdmin } from './open-admin.ts'
import { happen, listener, makeNode, range, thingStreams } from './things.ts'

const [things] = thingStreams

function settingOf({ server }: NatsServer): TransporterSetting {
  return { kind: 'nats', servers: [server] }
}

/** Restarts the server; meanwhile a folder of the stream is copied, or put back as it was when it was copied. */
async function restart(nats: NatsServer, { keep, restore }: { keep?: string; restore?: string } = {}): Promise<void> {
  const stored = join(nats.dir, 'jetstream', '$G', 'streams', 'MOL-things')
  await nats.kill9()
  if (keep !== undefined) await cp(join(stored, keep), join(nats.dir, 'kept'), { recursive: true })
  if (restore !== undefined) {
    await rm(join(stored, restore), { recursive: true })
    await cp(join(nats.dir, 'kept'), join(stored, restore), { recursive: true })
  }
  await nats.restart()
}

test('jetstream: a consumer that is ahead of its stream, as power loss leaves it, hands over what is stored from then on', async t => {
  const nats = await startNatsServer(t)
  const first = listener('first')
  const node = await makeNode(t, settingOf(nats), [first.schema])
  await node.start()
  const acknowledged = async (floor: number) =>
    (
      await streamControlOf(node)
        .streams()
        .catch(() => [])
    )[0]?.groups[0]?.ackFloor === floor
  for (const n of range(0, 10)) await happen(node, n)
  await waitUntil('ten are acknowledged', () => acknowledged(10))
  await restart(nats, { keep: 'msgs' })
  for (const n of range(10, 20)) await happen(node, n)
  await waitUntil('twenty are acknowledged', () => acknowledged(20))
  await node.stop()
  await restart(nats, { restore: 'msgs' })

  const again = listener('first')
  const next = await makeNode(t, settingOf(nats), [again.schema])
  await next.start()
  for (const n of range(20, 35)) await happen(next, n)
  await waitUntil('all that is stored came', () => range(20, 35).every(n => again.numbers().includes(n)))
  const [state] = await streamControlOf(next).streams()
  assert.notEqual(state?.epoch, first.seen[0]?.epoch)
  assert.ok(again.seen.every(({ epoch }) => epoch === state?.epoch))
})

test('jetstream: a node that only publishes notices that its stream went back in time, and groups begin anew in another epoch', async t => {
  const nats = await startNatsServer(t)
  const first = listener('first')
  const consumer = await makeNode(t, settingOf(nats), [first.schema])
  await consumer.start()
  const publisher = await makeNode(t, settingOf(nats), [])
  await publisher.start()
  for (const n of range(0, 10)) await happen(publisher, n)
  await restart(nats, { keep: 'msgs' })
  for (const n of range(10, 20)) await happen(publisher, n)
  await waitUntil('twenty came', () => new Set(first.numbers()).size === 20)
  await consumer.stop()
  await restart(nats, { restore: 'msgs' })
  for (const n of range(20, 25)) await happen(publisher, n)
  await waitUntil('it is noticed', () => streamControlOf(publisher).counters().setBacks === 1)
  const { manager } = await openAdmin(t, nats.server)
  await waitUntil('the group begins anew', async () => {
    // For a moment it is not there.
    const found = await absentAs(manager.consumers.info('MOL-things', 'first'), 'consumer_missing')
    return found?.delivered.consumer_seq === 0 && found.config.description === 'epoch 1'
  })
  assert.equal((await manager.streams.info('MOL-things')).config.description, 'epoch 1')
  assert.equal(streamControlOf(publisher).counters().unconfirmedSetBacks, 0)
})

test('jetstream: a stream that is made anew has a new epoch, and gets no second one', async t => {
  const nats = await startNatsServer(t)
  const [first, second] = [listener('first'), listener('second')]
  const node = await makeNode(t, settingOf(nats), [first.schema, second.schema])
  await node.start()
  for (const n of range(0, 10)) await happen(node, n)
  await waitUntil('both have ten', () => first.seen.length + second.seen.length === 20)
  const { manager } = await openAdmin(t, nats.server)
  await manager.streams.delete('MOL-things')
  await waitUntil('both open it again', () => first.consuming.length + second.consuming.length === 4)
  for (const n of range(10, 30)) await happen(node, n)
  await waitUntil('both have all', () => [first, second].every(({ numbers }) => new Set(numbers()).size === 30))
  // Whatever was set off by the lower sequences has ended when a look and a publish have.
  await streamControlOf(node).streams()
  await happen(node, 30)
  assert.equal((await manager.streams.info('MOL-things')).config.description ?? '', '')
  assert.equal(streamControlOf(node).counters().setBacks, 0)
  await waitUntil('the last came', () => first.numbers().includes(30))
  assert.equal(first.seen.at(-1)?.epoch, (await streamControlOf(node).streams())[0]?.epoch)
})

async function openSetBacks(t: TestContext, nats: NatsServer) {
  const { connection } = await openAdmin(t, nats.server)
  const names = jetStreamNames('MOL')
  const counters = newTransportCounters()
  const streams = new JetStreamStreams(await JetStreamLink.open(connection), names, thingStreams)
  const epoch = streams.epochOf(await streams.ensureStream(things!))
  return { setBacks: new JetStreamSetBacks(streams, names, counters), streams, counters, epoch }
}

test('jetstream: a fall that a second look does not confirm changes nothing; one that it confirms is dealt with once', async t => {
  const nats = await startNatsServer(t)
  const node = await makeNode(t, settingOf(nats), [])
  await node.start()
  await happen(node, 1)
  const { setBacks, streams, counters, epoch } = await openSetBacks(t, nats)
  // As a description that is behind for a moment makes believe.
  const claim = { epoch, sequence: 2, shown: 'read' } as const
  const doubted = setBacks.settle(things!, claim)
  await happen(node, 2)
  assert.equal(streams.epochOf(await doubted), epoch)
  assert.deepEqual([counters.setBacks, counters.unconfirmedSetBacks], [0, 1])
  const both = await Promise.all([1, 2].map(() => setBacks.settle(things!, { ...claim, sequence: 3 })))
  assert.deepEqual(
    both.map(info => streams.epochOf(info)),
    [`${epoch}.1`, `${epoch}.1`]
  )
  assert.deepEqual([counters.setBacks, counters.unconfirmedSetBacks], [1, 1])
})

test('jetstream: every durable group learns another epoch, also when nobody tells it', async t => {
  const nats = await startNatsServer(t)
  const first = listener('first')
  const node = await makeNode(t, settingOf(nats), [first.schema], { heartbeatMs: 100 })
  await node.start()
  await happen(node, 1)
  await waitUntil('it came', () => first.seen.length === 1)
  const { setBacks, streams, epoch } = await openSetBacks(t, nats)
  const renewed = await setBacks.settle(things!, { epoch, sequence: 2, shown: 'acknowledged' })
  await happen(node, 2)
  await waitUntil('its events are of that epoch', () => first.seen.at(-1)?.epoch === streams.epochOf(renewed))
  await waitUntil('it has all that is stored', () =>
    [1, 2].every(sequence => first.seen.some(one => one.sequence === sequence && one.epoch === `${epoch}.1`))
  )
})

test('jetstream: a node that may not delete consumers goes on, and leaves it to one that may to let its group begin anew', async t => {
  const user = (name: string, more = '') => `{ user: ${name}, password: p${more} }`
  const deny = ', permissions: { publish: { deny: "$JS.API.CONSUMER.DELETE.>" } }'
  const config = `authorization { users: [${user('owner')}, ${user('worker', deny)}] }`
  const nats = await startNatsServer(t, { config })
  const as = (name: string): TransporterSetting => ({ kind: 'nats', servers: [nats.server], user: name, password: 'p' })
  const first = listener('first')
  const worker = await makeNode(t, as('worker'), [first.schema], { heartbeatMs: 100 })
  await worker.start()
  await happen(worker, 1)
  await waitUntil('it came', () => first.seen.length === 1)
  const owner = await makeNode(t, as('owner'), [])
  await owner.start()
  const before = (await streamControlOf(owner).streams())[0]?.epoch
  const admin = await connect({ servers: nats.server, user: 'owner', pass: 'p' })
  cleanUp(t, () => admin.close())
  // The owner looks only when it is asked to.
  await (await admin.jetstreamManager()).streams.update('MOL-things', { description: 'epoch 1' })
  await happen(worker, 2)
  await waitUntil('it goes on in the new epoch', () => first.consuming.length === 2)
  await waitUntil('it came', () => first.numbers().includes(2))
  assert.equal(first.numbers().filter(n => n === 1).length, 1)
  const state = (await streamControlOf(owner).streams())[0]
  assert.equal(state?.epoch, `${before}.1`)
  await waitUntil('it begins anew', () => first.numbers().filter(n => n === 1).length === 2)
})

test('jetstream: who finds a stream gone makes the consumers of all its groups, also of those that are down', async t => {
  const nats = await startNatsServer(t)
  const streams = thingStreams.map(spec => ({ ...spec, storage: 'memory' as const }))
  const first = listener('first')
  const node = await makeNode(t, settingOf(nats), [first.schema], { streams })
  await node.start()
  await happen(node, 0)
  await waitUntil('it came', () => first.seen.length === 1)
  await restart(nats)
  await waitUntil('its group is there again', () => first.consuming.length === 2)
  const { manager } = await openAdmin(t, nats.server)
  const consumers = await manager.consumers.list('MOL-things').next()
  assert.deepEqual(consumers.map(({ name }) => name).sort(), ['first', 'second'])
})

test('jetstream: nothing is purged while a group of the table has no consumer', async t => {
  const nats = await startNatsServer(t)
  const streams = thingStreams.map(spec => ({ ...spec, maxBytes: 100_000 }))
  const first = listener('first')
  const node = await makeNode(t, settingOf(nats), [first.schema], { streams, publishDeadlineMs: 200 })
  await node.start()
  const { manager } = await openAdmin(t, nats.server)
  await manager.consumers.delete('MOL-things', 'second')
  let stored = 0
  await assert.rejects(
    waitUntil('the stream is full', async () => {
      await happen(node, stored)
      stored++
      return false
    }),
    { code: 'stream_full' }
  )
  await waitUntil('the first group has all', () => first.seen.length === stored)
  const control = streamControlOf(node)
  assert.equal(await control.makeRoom(), 0)
  const groups = (await control.streams())[0]?.groups.map(({ group, pending }) => `${group} ${pending}`)
  assert.ok(groups?.includes(`second ${stored}`), `expected the whole lag of the second group, got ${groups}`)
})
