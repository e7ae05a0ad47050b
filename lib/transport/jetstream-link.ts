import { Events, type JetStreamClient, type JetStreamManager, type NatsConnection } from 'nats'
import { within } from './within.ts'

const BRIEF_MS = 2_000

/** The connection with its JetStream clients, and whether it is up. */
export class JetStreamLink {
  readonly connection: NatsConnection
  readonly streams: JetStreamClient
  readonly manager: JetStreamManager
  /** For what one server has to answer that may be dead: gives up soon, and is asked again. */
  readonly briefManager: JetStreamManager
  readonly #onChange = new Set<(up: boolean) => void>()
  readonly #waiting = new Set<() => void>()
  #up = true

  private constructor(connection: NatsConnection, manager: JetStreamManager, briefManager: JetStreamManager) {
    this.connection = connection
    this.streams = connection.jetstream()
    this.manager = manager
    this.briefManager = briefManager
    void this.#watch()
  }

  /** Does not ask the server yet. */
  static async open(connection: NatsConnection): Promise<JetStreamLink> {
    const manager = await connection.jetstreamManager({ checkAPI: false })
    const briefManager = await connection.jetstreamManager({ checkAPI: false, timeout: BRIEF_MS })
    return new JetStreamLink(connection, manager, briefManager)
  }

  get up(): boolean {
    return this.#up
  }

  /** Bytes of a message at the most, headers included. */
  get maxPayload(): number {
    return this.connection.info?.max_payload ?? 1024 ** 2
  }

  /** Calls back when the connection is lost and when it is there again. @returns how to end that. */
  onChange(listener: (up: boolean) => void): () => void {
    this.#onChange.add(listener)
    return () => this.#onChange.delete(listener)
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
      if (type === Events.Disconnect) this.#tell(false)
      if (type === Events.Reconnect) this.#tell(true)
    }
    if (this.#up) this.#tell(false)
  }

  #tell(up: boolean): void {
    this.#up = up
    if (up) for (const resolve of this.#waiting) resolve()
    for (const listener of this.#onChange) listener(up)
  }
}
