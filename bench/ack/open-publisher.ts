import { publish } from '../../lib/buffer/events.ts'
import { STREAMS } from '../../lib/buffer/streams.ts'
import type { Quote } from '../../lib/quote/quote.ts'
import type { Scope } from '../../test/kit/clean-up.ts'
import { makeBroker } from '../../test/kit/make-broker.ts'

/** A broker as the system makes one, in this process. @returns how to publish a batch; it resolves when that is confirmed. */
export async function openPublisher(
  scope: Scope,
  servers: string[],
  replicas: number
): Promise<(quotes: Quote[]) => Promise<void>> {
  const streams = STREAMS.map(spec => ({ ...spec, replicas }))
  const broker = await makeBroker(scope, { kind: 'nats', servers }, { streams })
  await broker.start()
  return quotes => publish(broker, 'quotes.received', { source: 'bench', quotes })
}
