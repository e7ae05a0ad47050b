import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { JetStreamLink } from '../../lib/transport/jetstream-link.ts'
import { jetStreamNames } from '../../lib/transport/jetstream-names.ts'
import { JetStreamPublisher } from '../../lib/transport/jetstream-publisher.ts'
import { JetStreamSetBacks } from '../../lib/transport/jetstream-set-backs.ts'
import { JetStreamStreams } from '../../lib/transport/jetstream-streams.ts'
import { streamControlOf } from '../../lib/transport/stream-control.ts'
import { newTransportCounters } from '../../lib/transport/transport-counters.ts'
import { type TransportOptions, transportOptions } from '../../lib/transport/transport-options.ts'
import { startNatsServer } from '../kit/nats-server.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { openAdmin } from './open-admin.ts'
import { happen, makeNode, quickOptions, range, thingStreams } from './things.ts'

const [things] = thingStreams
const data = Buffer.from('{}')

/** A publisher to a server without the stream; `restore` never ends, as while a cluster elects. */
async function openPublisher(t: TestContext, options: Partial<TransportOptions> = {}) {
  const { server } = await startNatsServer(t)
  const { connection, manager } = await openAdmin(t, server)
  const link = await JetStreamLink.open(connection)
  const names = jetStreamNames('MOL')
  const streams = new JetStreamStreams(link, names, thingStreams)
  const counters = newTransportCounters()
  let restores = 0
  const restorer = {
    restore() {
      restores++
      return new Promise<void>(() => undefined)
    }
  }
  const publisher = new JetStreamPublisher({
    link,
    names,
    streams,
    setBacks: new JetStreamSetBacks(streams, names, counters),
    restorer,
    options: transportOptions({ ...quickOptions, ...options }),
    counters
  })
  return { publisher, streams, manager, counters, restores: () => restores }
}

test('jetstream: a publisher tries again on its own while its stream is being restored, however long that takes', async t => {
  const { publisher, streams, counters, restores } = await openPublisher(t)
  const published = publisher.publish(things!, 'thing.happened', data, 'thing-1')
  await waitUntil('it asked for its stream', () => restores() === 1)
  await streams.ensureStream(things!)
  await published
  assert.equal(counters.published, 1)
})

test('jetstream: a publish that finds no stream until its deadline does not say that there is no connection', async t => {
  const { publisher } = await openPublisher(t, { publishDeadlineMs: 300 })
  await assert.rejects(publisher.publish(things!, 'thing.happened', data, 'thing-1'), {
    code: 'unconfirmed',
    message: /missing or has no leader/
  })
})

test('jetstream: publishes that wait for their confirmation are bounded by their bytes', async t => {
  const { publisher, streams } = await openPublisher(t, { maxPublishingBytes: 250_000 })
  const publish = (n: number) => publisher.publish(things!, 'thing.happened', Buffer.alloc(100_000), `thing-${n}`)
  const waiting = [publish(1), publish(2)]
  await assert.rejects(publish(3), { code: 'overloaded', retryable: true, message: /200000 bytes/ })
  await streams.ensureStream(things!)
  await Promise.all(waiting)
  await publish(3)
})

test('jetstream: many publishes that miss their stream restore it in one run, not one each', async t => {
  const { server } = await startNatsServer(t)
  const node = await makeNode(t, { kind: 'nats', servers: [server] }, [])
  await node.start()
  const { connection, manager } = await openAdmin(t, server)
  let requests = 0
  connection.subscribe('$JS.API.CONSUMER.>', { callback: () => void requests++ })
  await connection.flush()
  await manager.streams.delete('MOL-things')
  await Promise.all(range(0, 500).map(n => happen(node, n)))
  await connection.flush()
  assert.equal((await streamControlOf(node).streams())[0]?.lastSequence, 500)
  assert.ok(requests <= 30, `expected a few requests for two consumers, got ${requests}`)
})
