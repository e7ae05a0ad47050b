import { type BoardRow, type Candidate, compareCandidates } from '../quote/board.ts'
import { RedisClient } from '../store/redis-client.ts'
import type { RedisCounters } from '../store/redis-counters.ts'
import { rankOf } from './candidate-rank.ts'
import type { LatestStore } from './latest-store.ts'
import { mergeInto } from './memory-latest.ts'
import { MERGE_SCRIPT, RANK_MARK } from './merge-script.ts'
import { type LatestNames, latestNames } from './redis-names.ts'
import { storedField } from './stored-field.ts'

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
  readonly #client: RedisClient
  readonly #names: LatestNames

  private constructor(client: RedisClient, namespace: string) {
    this.#client = client
    this.#names = latestNames(namespace)
  }

  /** Connects. @throws StoreError when the server cannot be used now. */
  static async open(url: string, { namespace = '', counters }: RedisLatestOptions = {}): Promise<RedisLatest> {
    return new RedisLatest(await RedisClient.open(url, counters), namespace)
  }

  async merge(candidates: readonly Candidate[]): Promise<void> {
    const entries = [...newestOf(candidates)]
    if (entries.length === 0) return
    const { keys: names, row } = this.#names
    await this.#client.run(redis =>
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
      const hashes = await this.#client.run(redis => Promise.all(part.map(key => redis.hgetall(this.#names.row(key)))))
      for (const hash of hashes) mergeInto(rows, candidatesIn(hash))
    }
    return [...rows.values()]
  }

  keys(): Promise<string[]> {
    return this.#client.run(redis => redis.smembers(this.#names.keys))
  }

  close(): Promise<void> {
    return this.#client.close()
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
