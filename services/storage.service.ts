import type { Context, Logger, Service, ServiceSchema, ServiceSettingSchema } from 'moleculer'
import { on } from '../lib/buffer/events.ts'
import { type AppendCounters, AppendQueue } from '../lib/history/append-queue.ts'
import { type HistoryPage, type MomentPage, readMoment, readPage } from '../lib/history/history-page.ts'
import type { AsOfQuery, HistoryCursor, HistoryStore, KeysPage, KeysQuery } from '../lib/history/history-store.ts'
import { openHistory } from '../lib/history/open-history.ts'
import type { Instrument, InstrumentStore } from '../lib/instruments/instrument-store.ts'
import { openInstruments } from '../lib/instruments/open-instruments.ts'
import type { Micros, Quote } from '../lib/quote/quote.ts'
import { newSqlCounters, type SqlCounters } from '../lib/store/sql-client.ts'
import { DRAINING } from '../lib/transport/delivery.ts'
import { type Closable, resource } from '../mixins/resource.ts'
import { settings } from '../moleculer.config.ts'

/** Rows of one answer at most: an answer is one message, of 1 MiB at most. */
const MAX_ROWS = 1_000
const DEFAULT_ROWS = 100
const MAX_AS_OF_KEYS = 100

export interface StorageDeps {
  openHistory: (counters: SqlCounters) => Promise<HistoryStore>
  openInstruments: (counters: SqlCounters) => Promise<InstrumentStore>
}

/** The newest rows first, unless told otherwise. */
export interface HistoryParams {
  key: string
  /** Inclusive. */
  from?: Micros
  /** Exclusive. */
  to?: Micros
  limit?: number
  order?: 'asc' | 'desc'
}

/** A page of a range, from its oldest quote on. */
export interface PageParams {
  key: string
  /** Inclusive. */
  from: Micros
  /** Exclusive. */
  to: Micros
  /** The last quote of the page before. */
  after?: HistoryCursor
  limit: number
}

export interface StorageStats extends AppendCounters {
  instruments: { updates: number; stored: number; failed: number }
  database: SqlCounters
}

interface Storage extends Closable {
  history: HistoryStore
  queue: AppendQueue
  instruments: InstrumentStore
}

interface Vars {
  storage: Storage
}

/** Keeps every quote in the history, once, and the catalogue of instruments; answers for both. */
export function storageService(deps: StorageDeps) {
  const database = newSqlCounters()
  const instruments = { updates: 0, stored: 0, failed: 0 }
  return {
    name: 'storage',
    mixins: [resource('storage', ({ logger }) => openStorage(deps, database, logger))],
    started() {
      if (database.loadsRefused === 0) return
      this.logger.warn('The database has local_infile off: history is written by INSERT, at twice the processor time')
    },
    events: {
      // Resolves, and so acknowledges, when the quotes are stored; rejects when they must come again.
      ...on(
        'quotes.received',
        async function (ctx) {
          await storageOf(this).queue.append(ctx.params.quotes)
        },
        'storage'
      ),
      // What the database does not take now goes back to the stream at once.
      [DRAINING](this: Service) {
        storageOf(this).queue.release()
      },
      ...on('instruments.updated', async function (ctx) {
        instruments.updates++
        try {
          await storageOf(this).instruments.upsert(ctx.params.instruments)
          instruments.stored += ctx.params.instruments.length
        } catch (error) {
          instruments.failed++
          throw error
        }
      })
    },
    actions: {
      history: {
        params: {
          key: 'string|empty:false',
          from: 'number|integer|min:0|optional',
          to: 'number|integer|min:0|optional',
          limit: `number|integer|min:1|max:${MAX_ROWS}|optional`,
          order: { type: 'enum', values: ['asc', 'desc'], optional: true }
        },
        handler(ctx: Context<HistoryParams>): Promise<Quote[]> {
          const { key, from = 0, to = Number.MAX_SAFE_INTEGER, limit = DEFAULT_ROWS, order = 'desc' } = ctx.params
          return this.storage.history.range({ key, from, to, limit, order })
        }
      },
      /** As many quotes as fit one message, at most `limit`. */
      page: {
        params: {
          key: 'string|empty:false',
          from: 'number|integer|min:0',
          to: 'number|integer|min:0',
          after: { type: 'object', optional: true, props: { observedTime: 'number|integer|min:0', id: 'string' } },
          limit: `number|integer|min:1|max:${MAX_ROWS}`
        },
        handler(ctx: Context<PageParams>): Promise<HistoryPage> {
          return readPage(this.storage.history, ctx.params)
        }
      },
      /** The newest quote of every channel as of a moment, of as many of some instruments as fit one message. */
      asOf: {
        params: {
          keys: { type: 'array', items: 'string', min: 1, max: MAX_AS_OF_KEYS },
          since: 'number|integer|min:0',
          before: 'number|integer|min:0'
        },
        handler(ctx: Context<AsOfQuery>): Promise<MomentPage> {
          return readMoment(this.storage.history, ctx.params)
        }
      },
      /** The instruments that match patterns. */
      keys: {
        params: {
          patterns: { type: 'array', items: { type: 'object', props: { text: 'string' } } },
          after: 'string|nullable',
          limit: `number|integer|min:1|max:${MAX_ROWS}`
        },
        handler(ctx: Context<KeysQuery>): Promise<KeysPage> {
          return this.storage.history.keys(ctx.params)
        }
      },
      count: {
        params: { key: 'string|empty:false|optional' },
        handler(ctx: Context<{ key?: string }>): Promise<number> {
          return this.storage.history.count(ctx.params.key)
        }
      },
      instruments: {
        params: { search: 'string|optional', limit: `number|integer|min:1|max:${MAX_ROWS}|optional` },
        handler(ctx: Context<{ search?: string; limit?: number }>): Promise<Instrument[]> {
          return this.storage.instruments.search(ctx.params.search ?? '', ctx.params.limit ?? DEFAULT_ROWS)
        }
      },
      stats(): StorageStats {
        return { ...this.storage.queue.counters, instruments: { ...instruments }, database: { ...database } }
      }
    }
  } satisfies ServiceSchema<ServiceSettingSchema, object, Vars>
}

async function openStorage(deps: StorageDeps, counters: SqlCounters, logger: Logger): Promise<Storage> {
  const history = await deps.openHistory(counters)
  try {
    const instruments = await deps.openInstruments(counters)
    const queue = new AppendQueue(history, {
      onAway: error => logger.warn({ error }, 'storage.away: quotes wait in the stream'),
      onBack: () => logger.info('storage.back')
    })
    const close = async () => {
      await queue.close()
      await Promise.all([history.close(), instruments.close()])
    }
    return { history, queue, instruments, close }
  } catch (error) {
    await history.close()
    throw error
  }
}

function storageOf(service: Service): Storage {
  return (service as Service & Vars).storage
}

export default storageService({
  openHistory: counters => openHistory(settings.history, counters),
  openInstruments: counters => openInstruments(settings.history, counters)
})
