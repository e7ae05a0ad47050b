import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CONSUMING } from '../../lib/transport/delivery.ts'
import { streamControlOf } from '../../lib/transport/stream-control.ts'
import type { TransporterSetting } from '../../lib/transport/transporter-setting.ts'
import { startNatsServer } from '../kit/nats-server.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { openAdmin } from './open-admin.ts'
import { happen, listener, makeNode } from './things.ts'

test('jetstream: a group that is resumed while it opens is not left paused', async t => {
  const nats = await startNatsServer(t)
  const setting: TransporterSetting = { kind: 'nats', servers: [nats.server] }
  const other = await makeNode(t, setting, [])
  await other.start()
  const control = streamControlOf(other)
  await control.setPaused('things', 'first', true)
  const first = listener('first')
  const [opening, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  first.schema.events![CONSUMING] = async () => {
    opening.resolve()
    await goOn.promise
  }
  // It is not looked at again within this test.
  const node = await makeNode(t, setting, [first.schema], { heartbeatMs: 5_000 })
  await node.start()
  await opening.promise
  await control.setPaused('things', 'first', false)
  await happen(other, 1)
  await other.call('$node.list')
  goOn.resolve()
  await waitUntil('it got the event', () => first.seen.length === 1, 5_000)
})

test('jetstream: a pause and a resume of which no word arrives take effect all the same', async t => {
  const nats = await startNatsServer(t)
  const first = listener('first')
  const node = await makeNode(t, { kind: 'nats', servers: [nats.server] }, [first.schema], { heartbeatMs: 100 })
  await node.start()
  const { manager } = await openAdmin(t, nats.server)
  // Another program's hand, or a node whose word was lost.
  const describe = (description: string) => manager.consumers.update('MOL-things', 'first', { description })
  await describe('paused')
  let sent = 0
  await waitUntil('nothing is taken any more', async () => {
    await happen(node, ++sent)
    return (await manager.consumers.info('MOL-things', 'first')).num_pending >= 3
  })
  assert.ok(first.seen.length < sent)
  await describe('')
  await waitUntil('it has all', () => new Set(first.numbers()).size === sent)
})
