import { publish } from '../../lib/buffer/events.ts'
import { STREAMS } from '../../lib/buffer/streams.ts'
import type { Quote } from '../../lib/quote/quote.ts'
import type { StreamSpec } from '../../lib/transport/stream-spec.ts'
import type { Scope } from '../../test/kit/clean-up.ts'
import { makeBroker } from '../../test/kit/make-broker.ts'

/** Publishes a batch; resolves when that is confirmed. */
export type Publish = (quotes: Quote[]) => Promise<void>

/** A broker as the system makes one, in this process, that publishes quotes. */
export async function openPublisher(
  scope: Scope,
  servers: string[],
  streams: readonly StreamSpec[] = STREAMS
): Promise<Publish> {
  const broker = await makeBroker(scope, { kind: 'nats', servers }, { streams })
  await broker.start()
  return quotes => publish(broker, 'quotes.received', { source: 'bench', quotes })
}
