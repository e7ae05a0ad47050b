import type { ServiceBroker, ServiceSchema } from 'moleculer'
import { announce, on, publish } from '../lib/buffer/events.ts'
import type { Markets } from '../lib/config/markets.ts'
import type { Settings } from '../lib/config/settings.ts'
import { EgressPool } from '../lib/egress/egress-pool.ts'
import { parseProxies } from '../lib/egress/parse-proxies.ts'
import { FetchSource } from '../lib/fetch/fetch-source.ts'
import { Fetcher, type FetcherStats } from '../lib/fetch/fetcher.ts'
import { wallClock } from '../lib/quote/wall-clock.ts'
import { longestFetchMs } from '../lib/schedule/slots.ts'
import { findSource } from '../lib/sources/registry.ts'
import type { Source } from '../lib/sources/source.ts'
import { DRAINING } from '../lib/transport/delivery.ts'
import { resolveEndpoints } from '../mixins/source-endpoints.ts'
import { markets, settings } from '../moleculer.config.ts'
import packageJson from '../package.json' with { type: 'json' }

export interface FetcherDeps {
  markets: () => Markets
  settings: () => Pick<Settings, 'proxies'>
  findSource: (kind: string) => Source
  /** Who we say we are, unless a source's configuration brings identities. */
  userAgent: string
}

/** Carries out the due fetches of the work queue: any number of these share it. */
export function fetcherService(deps: FetcherDeps) {
  let pool: EgressPool | undefined
  let fetcher: Fetcher | undefined
  const running = (): Fetcher => {
    if (fetcher === undefined) throw new Error('fetcher: not started')
    return fetcher
  }
  return {
    name: 'fetcher',
    actions: {
      stats: (): FetcherStats => running().stats()
    },
    events: {
      ...on('fetch.due', ctx => running().handle(ctx.params), 'fetcher'),
      // Not awaited: the transporter waits for the handlers, and only so long.
      [DRAINING]: () => fetcher?.hurry()
    },
    started() {
      const { broker, logger } = this
      const now = wallClock()
      pool = new EgressPool({
        proxies: parseProxies(deps.settings().proxies.join('\n')),
        userAgent: deps.userAgent,
        now
      })
      fetcher = new Fetcher({
        sources: openSources(broker, deps),
        pool,
        publish: received => publish(broker, 'quotes.received', received),
        announceInstruments: (source, instruments) => announce(broker, 'instruments.updated', { source, instruments }),
        announceDone: done => announce(broker, 'fetch.done', done),
        announceStatus: status => {
          logger.warn('source changed state', { source: status.id, state: status.state, reason: status.reason })
          return announce(broker, 'source.status', status)
        },
        longestFetchMs,
        now,
        node: broker.nodeID
      })
    },
    async stopped() {
      await fetcher?.close()
      pool?.close()
    }
  } satisfies ServiceSchema
}

function openSources(broker: ServiceBroker, deps: FetcherDeps): FetchSource[] {
  return deps.markets().sources.map(config => {
    const source = deps.findSource(config.source)
    return new FetchSource({
      name: config.name,
      source,
      resolve: async () => {
        const { rest } = await resolveEndpoints(broker, config, source)
        if (rest === null) throw new Error(`${config.name} has no REST endpoint`)
        return rest
      },
      userAgents: config.userAgents,
      allowHttp: config.rest === 'demo'
    })
  })
}

export default fetcherService({
  markets: () => markets,
  settings: () => settings,
  findSource,
  userAgent: `${packageJson.name}/${packageJson.version}`
})
