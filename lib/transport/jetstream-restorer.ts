import { setTimeout as delay } from 'node:timers/promises'
import type { JetStreamConsumers } from './jetstream-consumers.ts'
import type { StreamSpec } from './stream-spec.ts'
import { TransportError } from './transport-error.ts'

/** Until what failed may be tried again, in milliseconds. */
const PAUSE_MS = 250

/** Makes streams with their groups again for publishers that miss them: one run per stream at a time, however many wait. */
export class JetStreamRestorer {
  readonly #consumers: JetStreamConsumers
  readonly #running = new Map<string, Promise<void>>()

  constructor(consumers: JetStreamConsumers) {
    this.#consumers = consumers
  }

  /**
   * Resolves when a run has ended, well or not: whether it helped shows at the next attempt to publish. It may take longer than an
   * election, so nobody should wait for it alone.
   * @throws TransportError `stream_refused` when no further run can help.
   */
  restore(spec: StreamSpec): Promise<void> {
    const running = this.#running.get(spec.name)
    if (running !== undefined) return running
    const started = this.#run(spec).finally(() => this.#running.delete(spec.name))
    // Those who wait hear it themselves.
    started.catch(() => undefined)
    this.#running.set(spec.name, started)
    return started
  }

  async #run(spec: StreamSpec): Promise<void> {
    try {
      await this.#consumers.ensure(spec)
    } catch (error) {
      if (error instanceof TransportError && error.code === 'stream_refused') throw error
      await delay(PAUSE_MS)
    }
  }
}
