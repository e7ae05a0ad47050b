import { ServiceBroker } from 'moleculer'
import { on, publish } from '../../lib/buffer/events.ts'
import { CODECS, STREAMS } from '../../lib/buffer/streams.ts'
import { createTransport } from '../../lib/transport/create-transport.ts'
import type { Place, System } from './system.ts'

/** Moleculer with the transporter of this project, its stream table and codec. The consumer is the group `storage`. */
export async function openQuotecast({ nats }: Place): Promise<System> {
  const { transporter, middleware } = await createTransport(
    { kind: 'nats', servers: [nats] },
    { streams: STREAMS, codecs: CODECS }
  )
  const broker = new ServiceBroker({
    nodeID: `bench-${process.pid}`,
    logger: false,
    transporter,
    middlewares: [middleware],
    disableBalancer: true,
    registry: { stopDelay: 0 },
    skipProcessEventRegistration: true
  })
  return {
    async publish(quotes) {
      if (!broker.started) await broker.start()
      await publish(broker, 'quotes.received', { source: 'bench', quotes })
    },
    async consume(onBatch) {
      broker.createService({
        name: 'storage',
        events: on('quotes.received', ({ params: { quotes } }) => onBatch(quotes), 'storage')
      })
      await broker.start()
    },
    close: () => broker.stop()
  }
}
