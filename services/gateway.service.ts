import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { type Context, Errors, type Service, type ServiceSchema } from 'moleculer'
import ApiGateway, { type ApiSettingsSchema, type ContextResponseMeta } from 'moleculer-web'
import { Access, type AccessConfig, OPEN_ACCESS } from '../lib/access/access.ts'
import { announce, on } from '../lib/buffer/events.ts'
import { usesDemo } from '../lib/config/markets.ts'
import { answerKey, answerLatest, checkEntitled } from '../lib/push/board-answer.ts'
import { BoardFeed, type SnapshotPage } from '../lib/push/board-feed.ts'
import { systemClock } from '../lib/push/clock.ts'
import { HttpProblem, problemOf, sendProblem } from '../lib/push/http-problem.ts'
import { Hub } from '../lib/push/hub.ts'
import { KnownInstruments } from '../lib/push/known-instruments.ts'
import { DEFAULT_LIMITS, type PushLimits } from '../lib/push/limits.ts'
import { MemorySessions } from '../lib/push/memory-sessions.ts'
import { openSessions } from '../lib/push/open-sessions.ts'
import { PressureStatus } from '../lib/push/pressure-status.ts'
import type { PushCounters } from '../lib/push/push-counters.ts'
import { PushServer } from '../lib/push/push-server.ts'
import { type Parameters, parseHistoryQuery, parseKeyQuery, parseLatestQuery } from '../lib/push/quote-query.ts'
import type { SessionStore } from '../lib/push/session-store.ts'
import { Visits } from '../lib/push/visits.ts'
import { WantedKeys } from '../lib/push/wanted-keys.ts'
import { WebPage } from '../lib/push/web-page.ts'
import type { Quote } from '../lib/quote/quote.ts'
import { CONSUMING, type Consuming } from '../lib/transport/delivery.ts'
import { resource } from '../mixins/resource.ts'
import { access, markets, settings } from '../moleculer.config.ts'

const WEB_FOLDER = join(import.meta.dirname, '../web')
const CLIENT_FOLDER = join(import.meta.dirname, '../client')
const JSON_TYPE = 'application/json; charset=utf-8'
/** Keys per page of the snapshot. */
const SNAPSHOT_PAGE = 500
const RETRY_AFTER_S = 2
const DRAIN_MS = 20_000
const MAX_DRAIN_MS = 3_600_000

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
export interface GatewayStats extends PushCounters {
  sessions: number
  groups: number
  /** Playbacks of history under way. */
  playbacks: number
  instruments: number
  wantedHeldBack: number
  instrumentsDropped: number
}

/** `visit` names the HTTP request; without one the call comes from inside the cluster. */
type RestMeta = ContextResponseMeta & { visit?: string }
type RestContext = Context<Parameters, RestMeta>

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
  const openStore = () => {
    const windowMs = deps.limits?.resumeWindowMs ?? DEFAULT_LIMITS.resumeWindowMs
    return deps.openSessions?.(windowMs) ?? Promise.resolve(new MemorySessions(windowMs, systemClock.nowMs))
  }
  const groupOf = (service: Service): string => `gateway@${service.broker.nodeID}`

  const health = (node: string) => ({
    status: hub.isReady ? 'ok' : 'loading',
    node,
    uptimeS: Math.floor(process.uptime()),
    ready: hub.isReady,
    epoch: hub.board.epoch,
    q: hub.board.position,
    instruments: hub.board.entries.size,
    sessions: hub.sessions,
    /** Sources whose prices are synthetic. */
    demo: deps.demoSources(),
    /** Sources and instruments that are not ok; of instruments those that anybody may see. */
    troubles: hub.statuses.filter(
      ({ scope, id }) => scope === 'source' || hub.access.anonymous?.entitlement.allows(id) === true
    )
  })

  return {
    name: 'gateway',
    // The server of the sessions is waited for, as the other stores are.
    mixins: [ApiGateway, resource('sessions', openStore)],
    settings: {
      // The port is opened by PushServer; moleculer-web only routes.
      server: false,
      logRequest: null,
      logResponse: null,
      logRequestParams: null,
      logRouteRegistration: 'debug',
      onError(_request: IncomingMessage, response: ServerResponse, error: unknown) {
        sendProblem(response, problemOf(error))
      },
      routes: [
        {
          path: '/api/v1',
          bodyParsers: false,
          logging: false,
          onBeforeCall({ meta }: Context, _route: unknown, request: IncomingMessage, response: ServerResponse) {
            ;(meta as RestMeta).visit = visits.enter(request, response)
          },
          aliases: {
            'GET quotes': 'gateway.quotes',
            'GET quotes/:key': 'gateway.quote',
            'GET quotes/:key/history': 'gateway.history'
          }
        },
        {
          path: '/',
          bodyParsers: false,
          logging: false,
          // Health checks of load balancers often ask by HEAD.
          aliases: {
            'GET health': 'gateway.health',
            'HEAD health': 'gateway.health',
            'GET ready': 'gateway.ready',
            'HEAD ready': 'gateway.ready'
          }
        }
      ],
      $secureSettings: ['onError', 'routes']
    },

    actions: {
      // Routes are fixed: nobody may list or change them from the cluster.
      listAliases: false,
      addRoute: false,
      removeRoute: false,
      /** Latest rows of `keys`, or of all, as JSON text. */
      quotes: {
        handler: (ctx: RestContext): Promise<unknown> =>
          answer(ctx, async () => {
            const { entitlement } = await hub.gate.identify(visits.find(ctx.meta.visit))
            return answerLatest(readyBoard(hub), parseLatestQuery(ctx.params), entitlement)
          })
      },
      /** The latest row of `key`, as JSON text. */
      quote: {
        handler: (ctx: RestContext): Promise<unknown> =>
          answer(ctx, async () => {
            const { entitlement } = await hub.gate.identify(visits.find(ctx.meta.visit))
            const { key, fields } = parseKeyQuery(ctx.params)
            return answerKey(readyBoard(hub), key, fields, entitlement)
          })
      },
      /** Stored quotes of `key` by observed time. */
      history: {
        handler: (ctx: RestContext): Promise<unknown> =>
          answer(ctx, async () => {
            const { entitlement } = await hub.gate.identify(visits.find(ctx.meta.visit))
            const query = parseHistoryQuery(ctx.params, systemClock.nowMicros())
            checkEntitled(entitlement, query.key)
            const data = await fromStorage(ctx.call<Quote[], typeof query>('storage.history', query))
            return { ...query, data }
          })
      },
      health: {
        handler(ctx: Context) {
          return health(ctx.broker.nodeID)
        }
      },
      ready: {
        handler: (ctx: RestContext): Promise<unknown> =>
          answer(ctx, () => {
            readyBoard(hub)
            if (hub.isDraining)
              throw new HttpProblem(503, 'this gateway is being drained', { retryAfterS: RETRY_AFTER_S })
            return { ready: true }
          })
      },
      stats(): GatewayStats {
        return {
          ...hub.counters,
          sessions: hub.sessions,
          groups: hub.groups,
          playbacks: hub.playbacks,
          instruments: hub.board.entries.size,
          wantedHeldBack: wanted.heldBack,
          instrumentsDropped: known.dropped
        }
      },
      /** Sends all clients to other gateways within `inMs`, each at a time of its own, and takes no new ones. */
      drain: {
        params: { inMs: `number|integer|min:0|max:${MAX_DRAIN_MS}|default:${DRAIN_MS}` },
        handler(ctx: Context<{ inMs: number }>): { sessions: number } {
          hub.drain(ctx.params.inMs)
          return { sessions: hub.sessions }
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
        onError: error => logger.error('gateway: a message could not be answered', error)
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

/** The board once it is complete. @throws HttpProblem 503 before. */
function readyBoard(hub: Hub): Hub['board'] {
  if (!hub.isReady) throw new HttpProblem(503, 'the board is being loaded', { retryAfterS: RETRY_AFTER_S })
  return hub.board
}

/** Gives what `work` gives, a text as JSON; a problem becomes the answer's status, headers and body. */
async function answer(ctx: RestContext, work: () => unknown): Promise<unknown> {
  try {
    const given = await work()
    if (typeof given === 'string') ctx.meta.$responseType = JSON_TYPE
    return given
  } catch (error) {
    if (!(error instanceof HttpProblem)) throw error
    const { 'content-type': type, ...headers } = error.headers
    ctx.meta.$statusCode = error.status
    ctx.meta.$responseType = type
    ctx.meta.$responseHeaders = headers
    return error.body
  }
}

/** @throws HttpProblem 503 when no storage answers or it asks to try again. */
async function fromStorage<T>(call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (cause) {
    if (cause instanceof Errors.MoleculerError && (cause.retryable || cause.code === 404))
      throw new HttpProblem(503, 'the history is not available now', { retryAfterS: RETRY_AFTER_S, cause })
    throw cause
  }
}

export default gatewayService({
  port: () => settings.port,
  instruments: () => markets.watchlists.flatMap(({ instruments }) => instruments),
  openSessions: windowMs => openSessions(settings.latest, settings.namespace, windowMs),
  demoSources: () => markets.sources.filter(usesDemo).map(({ name }) => name),
  access: () => access,
  tls: () => settings.tls
})
