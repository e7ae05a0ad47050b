import type { TestContext } from 'node:test'
import { Feed, type FeedSpec } from '../../lib/feed/feed.ts'
import type { SourceStatus } from '../../lib/quote/events.ts'
import type { Quote } from '../../lib/quote/quote.ts'
import { wallClock } from '../../lib/quote/wall-clock.ts'
import { binance } from '../../lib/sources/binance/binance.ts'
import type { Source } from '../../lib/sources/source.ts'

export const BTC = 'binance:spot:BTC-USDT'
export const ETH = 'binance:spot:ETH-USDT'
export const SOL = 'binance:spot:SOL-USDT'

/** What a feed did, seen from outside. */
export interface Recording {
  /** Everything that was stored, in order. */
  quotes: Quote[]
  batches: { messageId: string; quotes: number }[]
  statuses: SourceStatus[]
  warnings: string[]
}

export interface RunOptions extends Partial<Pick<FeedSpec, 'subscriptions' | 'limits' | 'publish' | 'findUrl'>> {
  /** Streams on one connection. */
  maxStreams?: number
}

/** Starts a feed on a venue with short times; it is stopped after the test. */
export function runFeed(t: TestContext, url: string, options: RunOptions = {}): { feed: Feed; seen: Recording } {
  const seen: Recording = { quotes: [], batches: [], statuses: [], warnings: [] }
  const stream = { ...binance.stream!, messageIntervalMs: 1, maxStreams: options.maxStreams ?? 1024 }
  const source: Source = { ...binance, stream }
  const feed = new Feed({
    id: 'test',
    provider: 'binance',
    source,
    findUrl: options.findUrl ?? (async () => url),
    subscriptions: options.subscriptions ?? [{ channels: ['@bookTicker', '@trade'], keys: [BTC] }],
    publish: async (batch, messageId) => {
      await options.publish?.(batch, messageId)
      seen.batches.push({ messageId, quotes: batch.quotes.length })
      seen.quotes.push(...batch.quotes)
    },
    isFinal: () => false,
    announce: status => seen.statuses.push(status),
    log: { info() {}, warn: (_fields, event) => seen.warnings.push(event) },
    now: wallClock(),
    random: () => 0.5,
    limits: { backOffMs: 5, backOffMaxMs: 40, retryMs: 1, retryMaxMs: 5, drainMs: 500, ...options.limits }
  })
  t.after(() => feed.stop())
  feed.start()
  return { feed, seen }
}
