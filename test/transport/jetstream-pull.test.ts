import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NatsConnection } from 'nats'
import { AckPolicy } from 'nats'
import { JetStreamLink } from '../../lib/transport/jetstream-link.ts'
import { JetStreamPull } from '../../lib/transport/jetstream-pull.ts'
import { startNatsServer } from '../kit/nats-server.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { openAdmin } from './open-admin.ts'

const HEARTBEAT_MS = 200

for (const loses of [false, true]) {
  const what = loses
    ? 'a request that went lost is noticed while another one is served'
    : 'two requests live on under a steady stream of events'
  test(`jetstream: ${what}`, async t => {
    const { server } = await startNatsServer(t)
    const { connection, manager } = await openAdmin(t, server)
    await manager.streams.add({ name: 'S', subjects: ['s'] })
    await manager.consumers.add('S', { durable_name: 'd', ack_policy: AckPolicy.Explicit })
    let requests = 0
    let received = 0
    const lossy = {
      subscribe: connection.subscribe.bind(connection),
      isClosed: () => connection.isClosed(),
      publish(...args: Parameters<NatsConnection['publish']>) {
        if (++requests !== 2 || !loses) connection.publish(...args)
      }
    } as NatsConnection
    const { maxPayload } = await JetStreamLink.open(connection)
    let lost = ''
    const pull: JetStreamPull = new JetStreamPull({
      link: { connection: lossy, maxPayload },
      consumer: { stream: 'S', name: 'd', epoch: '', after: 0, paused: false },
      receiver: {
        // More than the first request takes at once, so that there is a second one beside it.
        get free() {
          return requests === 0 ? 5_000 : 10_000
        },
        heldBytes: 0,
        receive(message) {
          received++
          message.respond('+ACK')
        }
      },
      threshold: 1,
      heartbeatMs: HEARTBEAT_MS,
      gapless: false
    })
    void pull.lost.then(reason => {
      lost = reason
    })
    pull.pump()
    const end = performance.now() + 10 * HEARTBEAT_MS
    await waitUntil('it is lost, or the time is up', () => {
      connection.publish('s', 'x')
      return lost !== '' || performance.now() > end
    })
    assert.ok(received > 10)
    assert.equal(requests >= 2, true)
    assert.equal(lost, loses ? 'silence' : '')
    pull.lose('over')
  })
}
