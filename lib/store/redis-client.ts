import { Redis } from 'ioredis'
import { newRedisCounters, type RedisCounters } from './redis-counters.ts'
import { redisError } from './redis-errors.ts'
import { StoreError } from './store-error.ts'

const CONNECT_MS = 5_000
/** A server that answers nothing for so long is given up; below the stream's time for an acknowledgement. */
const COMMAND_MS = 10_000
const FIRST_RECONNECT_MS = 50
const MAX_RECONNECT_MS = 2_000

/**
 * One connection to Redis. While the server is away every call rejects at once with `connection_lost` and nothing is queued: the
 * caller does it again. The connection comes back by itself.
 */
export class RedisClient {
  readonly #redis: Redis
  readonly #counters: RedisCounters
  #closed: Promise<void> | undefined

  private constructor(url: string, counters: RedisCounters) {
    this.#counters = counters
    this.#redis = new Redis(url, {
      lazyConnect: true,
      connectTimeout: CONNECT_MS,
      commandTimeout: COMMAND_MS,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      // What was under way when the connection broke is rejected at once.
      maxRetriesPerRequest: 0,
      retryStrategy: attempt =>
        Math.min(FIRST_RECONNECT_MS * 2 ** attempt, MAX_RECONNECT_MS) * (0.75 + Math.random() / 2)
    })
    this.#redis.on('ready', () => this.#counters.connections++)
    this.#redis.on('error', () => this.#counters.errors++)
  }

  /** Connects. @throws StoreError when the server cannot be used now. */
  static async open(url: string, counters = newRedisCounters()): Promise<RedisClient> {
    const client = new RedisClient(url, counters)
    // The connection itself only says that it was closed; why is told by the event before.
    let reason: unknown
    client.#redis.once('error', error => {
      reason = error
    })
    try {
      await client.#redis.connect()
      await client.#redis.ping()
      return client
    } catch (error) {
      client.#redis.disconnect()
      throw redisError(reason ?? error)
    }
  }

  /** Runs commands. @throws StoreError */
  async run<T>(work: (redis: Redis) => Promise<T>): Promise<T> {
    if (this.#closed !== undefined) throw new StoreError('closed', 'the connection to Redis was closed')
    try {
      return await work(this.#redis)
    } catch (error) {
      if ((error as Error).message === 'Command timed out') {
        this.#counters.timeouts++
        // Answers that never come would be waited for by every command behind; a new connection forgets them.
        this.#redis.disconnect(true)
      }
      throw redisError(error)
    }
  }

  /** Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#redis.quit().then(
      () => undefined,
      // Away already: there is nothing left to say goodbye to.
      () => this.#redis.disconnect()
    )
    return this.#closed
  }
}
