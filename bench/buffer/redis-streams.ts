import { Redis } from 'ioredis'
import type { Quote } from '../../lib/quote/quote.ts'
import type { Place, System } from './system.ts'

const STREAM = 'quotes'
const GROUP = 'storage'
/** Entries that the stream keeps, about: without a bound it would fill the memory. */
const KEPT = '20000'
const READ = '64'

/** Redis Streams: XADD of a batch as JSON, XREADGROUP and XACK. */
export async function openRedisStreams({ redis: url }: Place): Promise<System> {
  const redis = new Redis(url)
  await redis.xgroup('CREATE', STREAM, GROUP, '$', 'MKSTREAM').catch((error: Error) => {
    if (!error.message.startsWith('BUSYGROUP')) throw error
  })
  let closed = false
  const read = async (onBatch: (quotes: readonly Quote[]) => void) => {
    while (!closed) {
      const answer = (await redis.xreadgroup(
        'GROUP',
        GROUP,
        'bench',
        'COUNT',
        READ,
        'BLOCK',
        1_000,
        'STREAMS',
        STREAM,
        '>'
      )) as [string, [string, string[]][]][] | null
      for (const [, entries] of answer ?? []) {
        for (const [, [, body = '[]']] of entries) onBatch(JSON.parse(body))
        // Not waited for: the next read follows on the same connection.
        redis.xack(STREAM, GROUP, ...entries.map(([id]) => id)).catch(reportUnlessClosed)
      }
    }
  }
  const reportUnlessClosed = (error: Error) => {
    if (!closed) throw error
  }
  return {
    async publish(quotes) {
      await redis.xadd(STREAM, 'MAXLEN', '~', KEPT, '*', 'quotes', JSON.stringify(quotes))
    },
    async consume(onBatch) {
      read(onBatch).catch(reportUnlessClosed)
    },
    async close() {
      closed = true
      redis.disconnect()
    }
  }
}
