import { setTimeout as delay } from 'node:timers/promises'
import type { ServiceBroker, ServiceSchema } from 'moleculer'
import { announce, publish } from '../lib/buffer/events.ts'
import type { Markets } from '../lib/config/markets.ts'
import { BackOff } from '../lib/feed/back-off.ts'
import { Feed, type FeedStats } from '../lib/feed/feed.ts'
import { FEED_LIMITS, type FeedLimits } from '../lib/feed/feed-limits.ts'
import { type FeedPlan, planFeeds } from '../lib/feed/plan-feeds.ts'
import type { SnapshotPage } from '../lib/latest/snapshot-page.ts'
import { wallClock } from '../lib/quote/wall-clock.ts'
import { findSource } from '../lib/sources/registry.ts'
import { DRAINING } from '../lib/transport/delivery.ts'
import { TransportError } from '../lib/transport/transport-error.ts'
import { resolveEndpoints } from '../mixins/source-endpoints.ts'
import { markets } from '../moleculer.config.ts'

export interface FeedDeps {
  markets: () => Markets
  random: () => number
  limits?: Partial<FeedLimits>
}

export interface FeedServiceStats {
  feeds: FeedStats[]
  /** The take-over of sequences from the latest store: whether it is complete, and the attempts that failed. */
  restore: { done: boolean; failed: number }
}

/** About two minutes; where no `latest` runs anywhere the feed goes on without. */
const RESTORE_ATTEMPTS = 12
/** The board's sequences should be there before the first quote; the sockets do not wait longer for them. */
const HEAD_START_MS = 250

/** Holds the WebSockets of the sources and publishes what they bring. */
export function feedService(deps: FeedDeps) {
  let feeds: Feed[] = []
  const restored = { done: false, failed: 0 }
  const stopping = new AbortController()
  const pause = (ms: number) => delay(ms, undefined, { signal: stopping.signal }).catch(() => 'stopping')

  function open(broker: ServiceBroker, { source: config, subscriptions }: FeedPlan): Feed {
    const source = findSource(config.source)
    const now = wallClock()
    return new Feed({
      // A container keeps its name and process number when it starts again: the time tells the two lives apart.
      id: `${broker.nodeID}~${now().toString(36)}/${config.name}`,
      provider: config.name,
      source,
      subscriptions,
      findUrl: async () => {
        const { stream } = await resolveEndpoints(broker, config, source)
        if (stream === null) throw new Error(`expected an address of the stream of ${config.name}, got none`)
        return stream
      },
      publish: (batch, messageId) => publish(broker, 'quotes.received', batch, messageId),
      isFinal: error =>
        error instanceof TransportError && (error.code === 'too_large' || error.code === 'encode_failed'),
      announce: status => {
        announce(broker, 'source.status', status).catch(error =>
          broker.logger.warn({ status, error }, 'feed.announce_failed')
        )
      },
      log: broker.logger,
      now,
      random: deps.random,
      limits: deps.limits
    })
  }

  /** Hands the sequences of the board to the feeds, so that a venue that began again while no feed ran is noticed. */
  async function restore(broker: ServiceBroker): Promise<void> {
    let after: string | undefined
    do {
      const page: SnapshotPage = await broker.call('latest.snapshot', { after })
      const quotes = page.candidates.map(({ quote }) => quote)
      for (const feed of feeds) feed.restore(quotes)
      after = page.next ?? undefined
    } while (after !== undefined)
    restored.done = true
  }

  async function keepRestoring(broker: ServiceBroker): Promise<void> {
    const backOff = new BackOff(FEED_LIMITS.backOffMs, FEED_LIMITS.backOffMaxMs, deps.random)
    while (!restored.done && restored.failed < RESTORE_ATTEMPTS && !stopping.signal.aborted) {
      try {
        await restore(broker)
      } catch (error) {
        restored.failed++
        broker.logger.info({ failed: restored.failed, error }, 'feed.restore_failed')
        await pause(backOff.next())
      }
    }
  }

  /** Closes the sockets, then publishes what they brought. Idempotent. */
  async function stop(): Promise<void> {
    stopping.abort()
    await Promise.all(feeds.map(feed => feed.stop()))
  }

  return {
    name: 'feed',
    actions: {
      stats(): FeedServiceStats {
        return { feeds: feeds.map(feed => feed.stats), restore: { ...restored } }
      }
    },
    events: {
      async '$broker.started'() {
        await Promise.race([keepRestoring(this.broker), pause(HEAD_START_MS)])
        for (const feed of feeds) feed.start()
      },
      [DRAINING]: () => stop()
    },
    async started() {
      feeds = planFeeds(deps.markets()).map(plan => open(this.broker, plan))
    },
    stopped: () => stop()
  } satisfies ServiceSchema
}

export default feedService({ markets: () => markets, random: Math.random })
