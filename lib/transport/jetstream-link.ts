import { Events, type JetStreamClient, type JetStreamManager, type NatsConnection } from 'nats'
import { within } from './within.ts'

/** The connection with its JetStream clients, and whether it is up. */
export class JetStreamLink {
  readonly connection: NatsConnection
  readonly streams: JetStreamClient
  readonly manager: JetStreamManager
  readonly #onReconnect = new Set<() => void>()
  readonly #waiting = new Set<() => void>()
  #up = true

  private constructor(connection: NatsConnection, manager: JetStreamManager) {
    this.connection = connection
    this.streams = connection.jetstream()
    this.manager = manager
    void this.#watch()
  }

  /** Does not ask the server yet. */
  static async open(connection: NatsConnection): Promise<JetStreamLink> {
    return new JetStreamLink(connection, await connection.jetstreamManager({ checkAPI: false }))
  }

  get up(): boolean {
    return this.#up
  }

  /** Bytes of a message at the most, headers included. */
  get maxPayload(): number {
    return this.connection.info?.max_payload ?? 1024 ** 2
  }

  /** Calls back after every reconnect. @returns how to end that. */
  onReconnect(listener: () => void): () => void {
    this.#onReconnect.add(listener)
    return () => this.#onReconnect.delete(listener)
  }

  /** Resolves when the connection is up, with false when it is not within the time. */
  async whenUp(timeoutMs: number): Promise<boolean> {
    if (this.#up) return true
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.add(resolve)
    await within(timeoutMs, promise)
    this.#waiting.delete(resolve)
    return this.#up
  }

  /** The iteration ends with the connection. */
  async #watch(): Promise<void> {
    for await (const { type } of this.connection.status()) {
      if (type === Events.Disconnect) this.#up = false
      if (type !== Events.Reconnect) continue
      this.#up = true
      for (const resolve of this.#waiting) resolve()
      for (const listener of this.#onReconnect) listener()
    }
    this.#up = false
  }
}
