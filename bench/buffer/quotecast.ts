import { on, publish } from '../../lib/buffer/events.ts'
import { makeBroker } from '../../test/kit/make-broker.ts'
import { WHOLE_PROCESS } from '../kit/scope.ts'
import type { Place, System } from './system.ts'

/** Moleculer with the transporter of this project, its stream table and codec. The consumer is the group `storage`. */
export async function openQuotecast({ nats }: Place): Promise<System> {
  const broker = await makeBroker(WHOLE_PROCESS, { kind: 'nats', servers: [nats] })
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
