import type { Markets, SourceConfig } from '../config/markets.ts'
import type { Subscription } from './shards.ts'

/** What one source's feed is to carry. */
export interface FeedPlan {
  source: SourceConfig
  subscriptions: Subscription[]
}

/** One feed for each source of which some watchlist wants stream channels. */
export function planFeeds({ sources, watchlists }: Markets): FeedPlan[] {
  return sources
    .map(source => ({
      source,
      subscriptions: watchlists
        .filter(list => list.source === source.name && list.stream.length > 0)
        .map(({ stream, instruments }) => ({ channels: stream, keys: instruments }))
    }))
    .filter(({ subscriptions }) => subscriptions.length > 0)
}
