import { Events, type JetStreamClient, type JetStreamManager, type NatsConnection } from 'nats'

/** The connection with its JetStream clients, and whether it is up. */
export class JetStreamLink {
  readonly connection: NatsConnection
  readonly streams: JetStreamClient
  readonly manager: JetStreamManager
  readonly #onReconnect = new Set<() => void>()
  #waiting: (() => void)[] = []
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
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>(resolve => {
      timer = setTimeout(resolve, timeoutMs)
      this.#waiting.push(resolve)
    })
    clearTimeout(timer)
    return this.#up
  }

  /** The iteration ends with the connection. */
  async #watch(): Promise<void> {
    for await (const { type } of this.connection.status()) {
      if (type === Events.Disconnect) this.#up = false
      if (type !== Events.Reconnect) continue
      this.#up = true
      const waiting = this.#waiting
      this.#waiting = []
      for (const resolve of waiting) resolve()
      for (const listener of this.#onReconnect) listener()
    }
    this.#up = false
  }
}
