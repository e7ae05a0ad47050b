import type { ServiceBroker } from 'moleculer'
import { on } from '../../lib/buffer/events.ts'

/** A durable group of the test's own, for the streams file. */
export const AUDIT_GROUP = 'audit'

/** Reads the whole stream of quotes beside the system, and remembers which ids it holds. */
export class Audit {
  readonly #ids = new Set<string>()
  #batches = 0

  /** Ids of all quotes that the stream has held since the group was made. */
  get ids(): ReadonlySet<string> {
    return this.#ids
  }

  get batches(): number {
    return this.#batches
  }

  /** Makes a broker's node read for it. */
  attach(broker: ServiceBroker): void {
    broker.createService({
      name: AUDIT_GROUP,
      events: on(
        'quotes.received',
        ({ params }) => {
          this.#batches++
          for (const { id } of params.quotes) this.#ids.add(id)
        },
        AUDIT_GROUP
      )
    })
  }
}
