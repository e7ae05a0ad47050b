import type { Middleware, ServiceBroker } from 'moleculer'
import { DRAINING } from './delivery.ts'
import { streamTransportOf } from './stream-control.ts'
import { TransportError } from './transport-error.ts'
import { within } from './within.ts'

/** What publishers get to end their intake and hand over what they hold. With the stop budget of draining it stays below what `endOnSignals` waits. */
const DRAINING_MS = 1_300

/**
 * The broker's part of durable events. One object serves one broker.
 *
 * - `emit` of a durable event reaches the transporter even while the registry knows nobody who listens, so that nothing is
 *   lost while all consumers are down. Without `throwError`, Moleculer's emit resolves although publishing failed.
 * - Consuming begins when all services have started, and ends before the first is stopped.
 */
export function streamMiddleware(): Middleware {
  let broker: ServiceBroker | undefined
  const emitHook = (next: ServiceBroker['emit']): ServiceBroker['emit'] => {
    const emit = (name: string, payload?: unknown, options?: Record<string, unknown>): Promise<unknown> => {
      const groups = broker === undefined ? undefined : streamTransportOf(broker)?.groupsOf(name)
      return next(name, payload, groups === undefined ? options : { ...options, groups: [...groups] })
    }
    return emit as ServiceBroker['emit']
  }
  return {
    name: 'Streams',
    created(created: ServiceBroker) {
      broker = created
      // Requests of `$broker.started` handlers to this node come before Moleculer's own, delayed subscription to them.
      created.localBus.on('$broker.started', () => {
        created.registry.discoverer.sendLocalNodeInfo().catch((error: unknown) => {
          created.logger.error('Announcing the services of this node failed.', error)
        })
      })
    },
    emit: emitHook as unknown as Middleware['emit'],
    async starting(starting: ServiceBroker) {
      if (streamTransportOf(starting) === undefined) {
        const got = starting.transit === undefined ? 'none' : starting.transit.tx.constructor.name
        throw new TransportError('bad_broker_options', `expected a transporter of createTransport, got ${got}`)
      }
      if (starting.options.disableBalancer !== true) {
        throw new TransportError('bad_broker_options', 'expected disableBalancer: true, got a balancing broker')
      }
    },
    async started(started: ServiceBroker) {
      streamTransportOf(started)?.startConsuming()
    },
    async stopping(stopping: ServiceBroker) {
      let ended = false
      // A publisher that cannot finish must not cost the others their draining: what is confirmed is still to be handled.
      await within(
        DRAINING_MS,
        stopping.broadcastLocal(DRAINING).finally(() => {
          ended = true
        })
      )
      if (!ended)
        stopping.logger.warn(`Publishers had not ended ${DRAINING_MS} ms after ${DRAINING}; draining goes on.`)
      await streamTransportOf(stopping)?.drain()
    }
  }
}
