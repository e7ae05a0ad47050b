import type { ServiceBroker } from 'moleculer'
import { CONSUMING, type Consuming } from './delivery.ts'

/** Tells the services of this node that a group begins to consume. Resolves when their handlers have ended; their errors are logged. */
export async function announceConsuming(
  broker: ServiceBroker,
  events: readonly string[],
  place: Omit<Consuming, 'event'>
): Promise<void> {
  for (const event of events) await broker.broadcastLocal(CONSUMING, { event, ...place } satisfies Consuming)
}
