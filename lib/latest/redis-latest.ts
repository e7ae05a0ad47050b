import { Redis } from 'ioredis'
import type { BoardRow, Candidate } from '../quote/board.ts'
import { StoreError } from '../store/store-error.ts'
import { rankOf } from './candidate-rank.ts'
import type { LatestStore } from './latest-store.ts'
import { mergeInto } from './memory-latest.ts'
import { MERGE_SCRIPT } from './merge-script.ts'
import { newRedisCounters, type RedisCounters } from './redis-counters.ts'
import { redisError } from './redis-errors.ts'
import { type LatestNames, latestNames } from './redis-names.ts'

const CONNECT_MS = 5_000
/** A server that answers nothing for so long is given up; below the stream's time for an acknowledgement. */
const COMMAND_MS = 10_000
const FIRST_RECONNECT_MS = 50
const MAX_RECONNECT_MS = 2_000
/** Fields of one script call, so that the server is never busy for long. */
const FIELDS_PER_CALL = 1_000
/** Rows of one pipeline. */
const ROWS_PER_CALL = 500

export interface RedisLatestOptions {
  /** Separates deployments that share a server. */
  namespace?: string
  counters?: RedisCounters
}

/**
 * The latest values in Redis, shared by all nodes.
 *
 * While the server is away every call rejects at once with `connection_lost` and nothing is queued: the caller's stream delivers
 * again. The connection comes back by itself. A resolved `merge` is in the server's memory; what outlives its death is up to its
 * own persistence.
 */
export class RedisLatest implements LatestStore {
  readonly #redis: Redis
  readonly #names: LatestNames
  readonly #counters: RedisCounters
  #closed: Promise<void> | undefined

  private constructor(url: string, { namespace = '', counters }: RedisLatestOptions) {
    this.#names = latestNames(namespace)
    this.#counters = counters ?? newRedisCounters()
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
  static async open(url: string, options: RedisLatestOptions = {}): Promise<RedisLatest> {
    const latest = new RedisLatest(url, options)
    // The connection itself only says that it was closed; why is told by the event before.
    let reason: unknown
    latest.#redis.once('error', error => {
      reason = error
    })
    try {
      await latest.#redis.connect()
      await latest.#redis.ping()
      return latest
    } catch (error) {
      latest.#redis.disconnect()
      throw redisError(reason ?? error)
    }
  }

  async merge(candidates: readonly Candidate[]): Promise<void> {
    if (candidates.length === 0) return
    const rows = new Map<string, BoardRow>()
    mergeInto(rows, candidates)
    const keys: string[] = []
    const values: string[] = []
    for (const row of rows.values()) {
      for (const [field, candidate] of row.candidates) {
        keys.push(this.#names.row(row.key))
        values.push(field, rankOf(candidate), JSON.stringify(candidate))
      }
    }
    await this.#run(async redis => {
      // All in one go; the names first, so that no row exists that `keys` does not tell.
      const calls: Promise<unknown>[] = [redis.sadd(this.#names.keys, ...rows.keys())]
      for (let begin = 0; begin < keys.length; begin += FIELDS_PER_CALL) {
        const part = keys.slice(begin, begin + FIELDS_PER_CALL)
        const from = 3 * begin
        calls.push(redis.eval(MERGE_SCRIPT, part.length, ...part, ...values.slice(from, from + 3 * part.length)))
      }
      await Promise.all(calls)
    })
  }

  async rows(keys: readonly string[]): Promise<BoardRow[]> {
    const unique = [...new Set(keys)]
    const rows: BoardRow[] = []
    for (let begin = 0; begin < unique.length; begin += ROWS_PER_CALL) {
      const part = unique.slice(begin, begin + ROWS_PER_CALL)
      const hashes = await this.#run(redis => Promise.all(part.map(key => redis.hgetall(this.#names.row(key)))))
      for (const [index, key] of part.entries()) {
        const fields = Object.entries(hashes[index] ?? {})
        if (fields.length > 0)
          rows.push({ key, candidates: new Map(fields.map(([field, value]) => [field, read(value)])) })
      }
    }
    return rows
  }

  keys(): Promise<string[]> {
    return this.#run(redis => redis.smembers(this.#names.keys))
  }

  close(): Promise<void> {
    this.#closed ??= this.#redis.quit().then(
      () => undefined,
      // Away already: there is nothing left to say goodbye to.
      () => this.#redis.disconnect()
    )
    return this.#closed
  }

  async #run<T>(work: (redis: Redis) => Promise<T>): Promise<T> {
    if (this.#closed !== undefined) throw new StoreError('closed', 'the latest store was closed')
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
}

/** The candidate behind the rank. */
function read(value: string): Candidate {
  return JSON.parse(value.slice(value.indexOf('\n') + 1))
}
