import { Redis } from 'ioredis'
import { type BoardRow, type Candidate, compareCandidates } from '../quote/board.ts'
import { StoreError } from '../store/store-error.ts'
import { rankOf } from './candidate-rank.ts'
import type { LatestStore } from './latest-store.ts'
import { mergeInto } from './memory-latest.ts'
import { MERGE_SCRIPT, RANK_MARK } from './merge-script.ts'
import { newRedisCounters, type RedisCounters } from './redis-counters.ts'
import { redisError } from './redis-errors.ts'
import { type LatestNames, latestNames } from './redis-names.ts'
import { storedField } from './stored-field.ts'

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
    const entries = [...newestOf(candidates)]
    if (entries.length === 0) return
    const { keys: names, row } = this.#names
    await this.#run(redis =>
      // All in one go: a call behind another does not wait for its answer.
      Promise.all(
        parts(entries, FIELDS_PER_CALL).map(part => {
          const hashes = part.map(([, { quote }]) => row(quote.key))
          const values = part.flatMap(([field, candidate]) => [field, rankOf(candidate), JSON.stringify(candidate)])
          return redis.eval(MERGE_SCRIPT, hashes.length + 1, ...hashes, names, Buffer.byteLength(row('')), ...values)
        })
      )
    )
  }

  async rows(keys: readonly string[]): Promise<BoardRow[]> {
    const rows = new Map<string, BoardRow>()
    for (const part of parts([...new Set(keys)], ROWS_PER_CALL)) {
      const hashes = await this.#run(redis => Promise.all(part.map(key => redis.hgetall(this.#names.row(key)))))
      for (const hash of hashes) mergeInto(rows, candidatesIn(hash))
    }
    return [...rows.values()]
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

/** The candidates that are worth sending, each with its field: of a batch only the newest of a field can be kept. */
function newestOf(candidates: readonly Candidate[]): Iterable<[field: string, Candidate]> {
  const newest = new Map<string, [field: string, Candidate]>()
  for (const candidate of candidates) {
    const field = storedField(candidate.quote)
    if (field === '') continue
    const id = `${candidate.quote.key} ${field}`
    const held = newest.get(id)
    if (held === undefined || compareCandidates(candidate, held[1]) > 0) newest.set(id, [field, candidate])
  }
  return newest.values()
}

function parts<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, n) => items.slice(n * size, (n + 1) * size))
}

function candidatesIn(hash: Readonly<Record<string, string>>): Candidate[] {
  return Object.entries(hash).flatMap(([field, value]) => (field.startsWith(RANK_MARK) ? [] : [JSON.parse(value)]))
}
