import { checkUrl } from '../store/check-url.ts'
import { StoreError } from '../store/store-error.ts'
import { GatheredLatest, type GatheringCounters } from './gathered-latest.ts'
import type { LatestStore } from './latest-store.ts'
import { MemoryLatest } from './memory-latest.ts'
import type { RedisLatestOptions } from './redis-latest.ts'

export interface OpenLatestOptions extends RedisLatestOptions {
  /** Milliseconds from the begin of one merge into Redis to that of the next; see `GatheredLatest`. */
  intervalMs?: number
  gathering?: GatheringCounters
}

/**
 * Opens the latest store at `memory:` or `redis://[:password@]host:port/db` (`rediss:` for TLS); the Redis client is loaded only
 * for the latter. @throws StoreError
 */
export async function openLatest(url: string, options: OpenLatestOptions = {}): Promise<LatestStore> {
  if (isMemory(url)) return new MemoryLatest()
  if (/^rediss?:\/\//.test(url)) {
    checkUrl(url)
    const { RedisLatest } = await import('./redis-latest.ts')
    const { gathering, intervalMs } = options
    const interval = intervalMs === undefined ? {} : { intervalMs }
    return new GatheredLatest(await RedisLatest.open(url, options), gathering, interval)
  }
  throw new StoreError(
    'bad_url',
    `expected memory: or redis://host:port/db, got ${/^[a-z0-9+.-]*:/i.exec(url)?.[0] ?? 'no scheme'}`
  )
}

/** Whether what is kept at this URL begins empty with each process, and is to be warmed from the history. */
export function isMemory(url: string): boolean {
  return url === 'memory:'
}
