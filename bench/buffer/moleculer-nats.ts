import { type Context, ServiceBroker } from 'moleculer'
import type { NatsConnection } from 'nats'
import type { Quote } from '../../lib/quote/quote.ts'
import type { Place, System } from './system.ts'

/** Events after which the publisher waits until the server has them: nothing else slows it down. */
const FLUSH_EVERY = 16

/** Moleculer's own NATS transporter with plain events: nothing is stored, and what nobody takes is gone. */
export async function openMoleculerNats({ nats }: Place): Promise<System> {
  const broker = new ServiceBroker({
    nodeID: `bench-${process.pid}`,
    logger: false,
    transporter: { type: 'NATS', options: { servers: [nats] } },
    registry: { stopDelay: 0 },
    skipProcessEventRegistration: true
  })
  let published = 0
  return {
    async publish(quotes) {
      if (!broker.started) {
        await broker.start()
        await broker.waitForServices('storage')
      }
      await broker.emit('quotes.received', { source: 'bench', quotes })
      if (++published % FLUSH_EVERY === 0) await connectionOf(broker).flush()
    },
    async consume(onBatch) {
      broker.createService({
        name: 'storage',
        events: {
          'quotes.received': ({ params: { quotes } }: Context<{ quotes: Quote[] }>) => onBatch(quotes)
        }
      })
      await broker.start()
    },
    close: () => broker.stop()
  }
}

function connectionOf(broker: ServiceBroker): NatsConnection {
  const transporter = broker.transit?.tx as { client?: NatsConnection } | undefined
  const client = transporter?.client
  if (client === undefined) throw new Error('expected a connected transporter, got none')
  return client
}
