import type { Context, Service, ServiceSchema, ServiceSettingSchema } from 'moleculer'
import { on } from '../lib/buffer/events.ts'
import { openHistory } from '../lib/history/open-history.ts'
import { candidatesOf, warmCandidates } from '../lib/latest/candidates-of.ts'
import type { LatestStore } from '../lib/latest/latest-store.ts'
import { isMemory, openLatest } from '../lib/latest/open-latest.ts'
import { MAX_PAGE_KEYS, readPage, type SnapshotPage, type SnapshotRequest } from '../lib/latest/snapshot-page.ts'
import { type BoardView, viewRow } from '../lib/quote/board.ts'
import type { Quote } from '../lib/quote/quote.ts'
import { newRedisCounters, type RedisCounters } from '../lib/store/redis-counters.ts'
import { StoreError } from '../lib/store/store-error.ts'
import type { DeliveryHeaders } from '../lib/transport/delivery.ts'
import { resource } from '../mixins/resource.ts'
import { settings } from '../moleculer.config.ts'

/** Keys of one answer at most: an answer is one message, of 1 MiB at most. */
const MAX_KEYS = 1_000
/** How old a stored quote may be that a board begins with: a week spans a weekend and a holiday. */
const WARM_MICROS = 7 * 24 * 3600 * 1_000_000

export interface LatestDeps {
  openLatest: (counters: RedisCounters) => Promise<LatestStore>
  /** The quotes to begin with: the newest of the history where the store forgets, none where it remembers by itself. */
  warm: () => Promise<Quote[]>
}

export interface LatestStats {
  batches: number
  candidates: number
  /** Batches that could not be merged; the stream delivers them again. */
  failed: number
  /** Quotes that the store began with. */
  warmed: number
  server: RedisCounters
}

interface Vars {
  latest: LatestStore
}

/** Keeps the newest value of every instrument, for boards to begin from. */
export function latestService(deps: LatestDeps) {
  const server = newRedisCounters()
  const counters = { batches: 0, candidates: 0, failed: 0, warmed: 0 }
  const open = async () => {
    const latest = await deps.openLatest(server)
    const quotes = await deps.warm()
    await latest.merge(warmCandidates(quotes))
    counters.warmed += quotes.length
    return latest
  }
  return {
    name: 'latest',
    mixins: [resource('latest', open)],
    events: on(
      'quotes.received',
      async function (ctx) {
        const { quotes } = ctx.params
        counters.batches++
        try {
          const { epoch, sequence } = placeOf(ctx.headers)
          await (this as Service & Vars).latest.merge(candidatesOf(quotes, epoch, sequence))
          counters.candidates += quotes.length
        } catch (error) {
          counters.failed++
          throw error
        }
      },
      'latest'
    ),
    actions: {
      /** The visible values of instruments; those that were never quoted are left out. */
      get: {
        params: { keys: { type: 'array', items: 'string', max: MAX_KEYS } },
        async handler(ctx: Context<{ keys: string[] }>): Promise<BoardView[]> {
          const rows = await this.latest.rows(ctx.params.keys)
          return rows.flatMap(row => viewRow(row) ?? [])
        }
      },
      /** The whole board in pages, as candidates, for another board to merge. */
      snapshot: {
        params: { after: 'string|optional', limit: `number|integer|min:1|max:${MAX_PAGE_KEYS}|optional` },
        handler(ctx: Context<SnapshotRequest>): Promise<SnapshotPage> {
          return readPage(this.latest, ctx.params)
        }
      },
      stats(): LatestStats {
        return { ...counters, server: { ...server } }
      }
    }
  } satisfies ServiceSchema<ServiceSettingSchema, object, Vars>
}

/** Where the stream holds a batch. Without that its quotes have no order among the others, so it is not taken. */
function placeOf(headers: DeliveryHeaders): { epoch: string; sequence: number } {
  const { 'stream-epoch': epoch, 'stream-sequence': sequence } = headers
  if (epoch === undefined || sequence === undefined) {
    throw new StoreError('failed', 'expected quotes from a stream of the transporter, got an event without its place')
  }
  return { epoch, sequence }
}

async function readNewest(): Promise<Quote[]> {
  const history = await openHistory(settings.history)
  try {
    return await history.newest(Date.now() * 1_000 - WARM_MICROS)
  } finally {
    await history.close()
  }
}

export default latestService({
  openLatest: counters => openLatest(settings.latest, { namespace: settings.namespace, counters }),
  warm: async () => (isMemory(settings.latest) ? readNewest() : [])
})
