import { RedisClient } from '../store/redis-client.ts'
import type { SessionStore, StoredSession } from './session-store.ts'

/** Gives a session out and deletes it when the token is right; by one script, so that two gateways cannot both give it. */
const TAKE_SCRIPT = `
local hash = redis.call('HGET', KEYS[1], 'tokenHash')
if hash ~= ARGV[1] then return false end
local subscriptions = redis.call('HGET', KEYS[1], 'subscriptions')
redis.call('DEL', KEYS[1])
return subscriptions
`

/** Sessions in Redis, shared by all gateways: a hash each, which expires by itself. */
export class RedisSessions implements SessionStore {
  readonly #client: RedisClient
  readonly #prefix: string
  readonly #windowMs: number

  private constructor(client: RedisClient, namespace: string, windowMs: number) {
    this.#client = client
    this.#prefix = `quotecast:${namespace === '' ? 'main' : namespace}:session:`
    this.#windowMs = windowMs
  }

  /** Connects. @throws StoreError when the server cannot be used now. */
  static async open(url: string, namespace: string, windowMs: number): Promise<RedisSessions> {
    return new RedisSessions(await RedisClient.open(url), namespace, windowMs)
  }

  async save({ id, tokenHash, subscriptions }: StoredSession): Promise<void> {
    const name = this.#prefix + id
    await this.#client.run(redis =>
      redis
        .multi()
        .hset(name, { tokenHash, subscriptions: JSON.stringify(subscriptions) })
        .pexpire(name, this.#windowMs)
        .exec()
    )
  }

  async touch(ids: readonly string[]): Promise<string[]> {
    const found = await this.#client.run(redis =>
      Promise.all(ids.map(id => redis.pexpire(this.#prefix + id, this.#windowMs)))
    )
    return ids.filter((_, index) => found[index] === 0)
  }

  async take(id: string, tokenHash: string): Promise<StoredSession | undefined> {
    const subscriptions = await this.#client.run(redis => redis.eval(TAKE_SCRIPT, 1, this.#prefix + id, tokenHash))
    return typeof subscriptions === 'string' ? { id, tokenHash, subscriptions: JSON.parse(subscriptions) } : undefined
  }

  close(): Promise<void> {
    return this.#client.close()
  }
}
