import { join } from 'node:path'
import type { Context, Service, ServiceSchema } from 'moleculer'
import ApiGateway, { type ApiSettingsSchema } from 'moleculer-web'
import { Access, type AccessConfig, OPEN_ACCESS } from '../lib/access/access.ts'
import { announce, on } from '../lib/buffer/events.ts'
import { usesDemo } from '../lib/config/markets.ts'
import { BoardFeed, type SnapshotPage } from '../lib/push/board-feed.ts'
import { systemClock } from '../lib/push/clock.ts'
import { Hub } from '../lib/push/hub.ts'
import { KnownInstruments } from '../lib/push/known-instruments.ts'
import type { Lag } from '../lib/push/lag.ts'
import { DEFAULT_LIMITS, type PushLimits } from '../lib/push/limits.ts'
import { MemorySessions } from '../lib/push/memory-sessions.ts'
import { openSessions } from '../lib/push/open-sessions.ts'
import type { OverloadStep } from '../lib/push/overload-ladder.ts'
import { OverloadStatus } from '../lib/push/overload-status.ts'
import { PressureStatus } from '../lib/push/pressure-status.ts'
import type { PushCounters } from '../lib/push/push-counters.ts'
import { PushServer } from '../lib/push/push-server.ts'
import type { SessionStore } from '../lib/push/session-store.ts'
import { Visits } from '../lib/push/visits.ts'
import { WantedKeys } from '../lib/push/wanted-keys.ts'
import { WebPage } from '../lib/push/web-page.ts'
import { CONSUMING, type Consuming } from '../lib/transport/delivery.ts'
import { resource } from '../mixins/resource.ts'
import { access, markets, settings } from '../moleculer.config.ts'
import { adminActions } from './gateway/admin-actions.ts'
import { adminRestActions } from './gateway/admin-rest-actions.ts'
import { restActions } from './gateway/rest-actions.ts'
import { restRoutes } from './gateway/rest-routes.ts'

const WEB_FOLDER = join(import.meta.dirname, '../web')
const CLIENT_FOLDER = join(import.meta.dirname, '../client')
/** Keys per page of the snapshot. */
const SNAPSHOT_PAGE = 500

export interface GatewayDeps {
  /** 0 takes a free one. */
  port: () => number
  /** Keys that may be subscribed to before there is a quote. */
  instruments: () => Iterable<string>
  /** Names of the sources whose prices are those of the demo market. */
  demoSources: () => string[]
  /** Where sessions are kept for clients that come back, to whichever gateway; in this process when absent. */
  openSessions?: (windowMs: number) => Promise<SessionStore>
  limits?: Partial<PushLimits>
  /** Who may connect and see what; everybody and everything when absent. */
  access?: () => AccessConfig
  /** The certificate and key of the port; without TLS when absent. */
  tls?: () => { cert: string; key: string } | null
}

/** What `gateway.stats` tells. */
export interface GatewayStats extends PushCounters, Lag {
  /** What is done against overload, and the event loop's delay that it follows. */
  overload: OverloadStep
  loopDelayMs: number
  sessions: number
  groups: number
  /** Playbacks of history under way. */
  playbacks: number
  instruments: number
  wantedHeldBack: number
  instrumentsDropped: number
}

/**
 * The front door: WebSocket stream, REST and page on one port. It reads the stream for itself, so its event group is named after
 * the node, and warms up from `latest`. Not ready until then.
 */
export function gatewayService(deps: GatewayDeps) {
  let hub: Hub
  let feed: BoardFeed
  let server: PushServer | undefined
  let known: KnownInstruments
  const visits = new Visits()
  const wanted = new WantedKeys()
  const pressure = new PressureStatus(systemClock)
  const overload = new OverloadStatus(systemClock)
  const openStore = () => {
    const windowMs = deps.limits?.resumeWindowMs ?? DEFAULT_LIMITS.resumeWindowMs
    return deps.openSessions?.(windowMs) ?? Promise.resolve(new MemorySessions(windowMs, systemClock.nowMs))
  }
  const groupOf = (service: Service): string => `gateway@${service.broker.nodeID}`

  return {
    name: 'gateway',
    // The server of the sessions is waited for, as the other stores are.
    mixins: [ApiGateway, resource('sessions', openStore)],
    settings: restRoutes(visits),

    actions: {
      // Routes are fixed: nobody may list or change them from the cluster.
      listAliases: false,
      addRoute: false,
      removeRoute: false,
      ...restActions({ hub: () => hub, visits, demoSources: deps.demoSources }),
      ...adminActions(() => hub),
      ...adminRestActions(() => hub, visits),
      stats(): GatewayStats {
        return {
          ...hub.counters,
          ...hub.lag,
          overload: hub.overload.step,
          loopDelayMs: hub.overload.delayMs,
          sessions: hub.sessions,
          groups: hub.groups,
          playbacks: hub.playbacks,
          instruments: hub.board.entries.size,
          wantedHeldBack: wanted.heldBack,
          instrumentsDropped: known.dropped
        }
      },
      address(): { port: number } {
        if (server === undefined) throw new Error('gateway: not started')
        return { port: server.port }
      }
    },

    events: {
      ...on('quotes.received', ({ params, headers }) => {
        const { 'stream-epoch': epoch, 'stream-sequence': sequence } = headers
        if (epoch === undefined || sequence === undefined)
          throw new Error(
            'quotes.received: expected stream-epoch and stream-sequence, got none: is the transporter ours?'
          )
        return feed.accept(epoch, sequence, params.quotes)
      }),
      ...on('source.status', ({ params }) => hub.sendStatus(params)),
      ...on('buffer.pressure', ({ params }) => {
        const status = pressure.statusOf(params)
        if (status !== undefined) hub.sendStatus(status)
      }),
      ...on('instruments.updated', ({ params }) => known.add(params.instruments.map(({ key }) => key))),
      [CONSUMING](this: Service, { params }: Context<Consuming>) {
        if (params.event === 'quotes.received' && params.group === groupOf(this)) feed.begin(params)
      }
    },

    /** Every gateway reads the whole stream: the group bears the node's name. */
    merged(this: Service, schema: ServiceSchema) {
      const received = schema.events?.['quotes.received']
      if (typeof received === 'object') received.group = groupOf(this)
    },

    async started() {
      const { broker, logger } = this
      known = new KnownInstruments(deps.instruments())
      hub = new Hub({
        node: broker.nodeID,
        limits: deps.limits,
        sessions: this.sessions,
        history: {
          page: query => broker.call('storage.page', query),
          asOf: query => broker.call('storage.asOf', query),
          keys: query => broker.call('storage.keys', query)
        },
        access: new Access(deps.access?.() ?? OPEN_ACCESS, {
          now: systemClock.nowMicros,
          onProblem: problem => logger.warn('gateway: the JWKS file cannot be read, its old keys stay', { problem })
        }),
        isKnown: key => known.has(key),
        onWanted(key) {
          if (!wanted.shouldAsk(key, systemClock.nowMs())) return
          announce(broker, 'fetch.wanted', { key, reason: 'subscribed' }).catch(error =>
            logger.warn('gateway: could not ask for an instrument', { key, error })
          )
        },
        onError: error => logger.error('gateway: a client could not be served', error),
        onOverload: ({ way, step, delayMs }) => {
          logger[way === 'up' ? 'warn' : 'info'](`gateway: overload, a step ${way}`, { step, loopDelayMs: delayMs })
          const status = overload.statusOf(broker.nodeID, step)
          if (status !== undefined) hub.sendStatus(status)
        }
      })
      feed = new BoardFeed({
        hub,
        clock: systemClock,
        fetchPage: after =>
          broker.call<SnapshotPage, { after?: string; limit: number }>('latest.snapshot', {
            ...(after === null ? {} : { after }),
            limit: SNAPSHOT_PAGE
          }),
        onRetry(error, attempt, delayMs) {
          // Events that wait for the snapshot would hold up the transporter's draining.
          if (broker.stopping) feed.close()
          // A latest service that starts later is ordinary; one that stays away is not.
          if (attempt > 3)
            logger.warn('gateway: the snapshot could not be loaded', { attempt, delayMs, error: `${error}` })
        },
        onReady: () =>
          logger.info('gateway: ready', { epoch: hub.board.epoch, q: hub.board.position, keys: hub.board.entries.size })
      })
      const page = new WebPage(WEB_FOLDER, CLIENT_FOLDER, deps.demoSources().length > 0)
      server = await PushServer.open({
        hub,
        port: deps.port(),
        tls: deps.tls?.() ?? undefined,
        handle: (request, response) => {
          if (page.serve(request, response)) return
          this.httpHandler(request, response)
        }
      })
      const scheme = deps.tls?.() == null ? 'http' : 'https'
      this.logger.info(`gateway: listening at ${scheme}://localhost:${server.port}`, {
        demo: deps.demoSources(),
        auth: hub.access.mode
      })
    },

    async stopped() {
      // It is not there when the start failed.
      ;(feed as BoardFeed | undefined)?.close()
      await server?.close()
    }
  } satisfies ServiceSchema<ApiSettingsSchema> & { merged: (this: Service, schema: ServiceSchema) => void }
}

export default gatewayService({
  port: () => settings.port,
  instruments: () => markets.watchlists.flatMap(({ instruments }) => instruments),
  openSessions: windowMs => openSessions(settings.latest, settings.namespace, windowMs),
  demoSources: () => markets.sources.filter(usesDemo).map(({ name }) => name),
  access: () => access,
  tls: () => settings.tls
})
