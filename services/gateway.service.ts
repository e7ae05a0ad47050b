import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { type Context, Errors, type Service, type ServiceSchema } from 'moleculer'
import ApiGateway, { type ApiSettingsSchema, type ContextResponseMeta } from 'moleculer-web'
import { announce, on } from '../lib/buffer/events.ts'
import { usesDemo } from '../lib/config/markets.ts'
import { answerKey, answerLatest } from '../lib/push/board-answer.ts'
import { BoardFeed, type SnapshotPage } from '../lib/push/board-feed.ts'
import { systemClock } from '../lib/push/clock.ts'
import { HttpProblem, problemOf, sendProblem } from '../lib/push/http-problem.ts'
import { Hub } from '../lib/push/hub.ts'
import { KnownInstruments } from '../lib/push/known-instruments.ts'
import type { PushLimits } from '../lib/push/limits.ts'
import { PressureStatus } from '../lib/push/pressure-status.ts'
import { STREAM_PATH } from '../lib/push/protocol.ts'
import type { PushCounters } from '../lib/push/push-counters.ts'
import { PushServer } from '../lib/push/push-server.ts'
import { type Parameters, parseHistoryQuery, parseKeyQuery, parseLatestQuery } from '../lib/push/quote-query.ts'
import { WantedKeys } from '../lib/push/wanted-keys.ts'
import { WebPage } from '../lib/push/web-page.ts'
import type { Quote } from '../lib/quote/quote.ts'
import { CONSUMING, type Consuming } from '../lib/transport/delivery.ts'
import { markets, settings } from '../moleculer.config.ts'

const WEB_FOLDER = join(import.meta.dirname, '../web')
const JSON_TYPE = 'application/json; charset=utf-8'
/** Keys per page of the snapshot. */
const SNAPSHOT_PAGE = 500
const RETRY_AFTER_S = 2

export interface GatewayDeps {
  /** 0 takes a free one. */
  port: () => number
  /** Keys that may be subscribed to before there is a quote. */
  instruments: () => Iterable<string>
  /** Names of the sources whose prices are those of the demo market. */
  demoSources: () => string[]
  limits?: Partial<PushLimits>
}

/** What `gateway.stats` tells. */
export interface GatewayStats extends PushCounters {
  sessions: number
  groups: number
  instruments: number
  wantedHeldBack: number
  instrumentsDropped: number
}

type RestContext = Context<Parameters, ContextResponseMeta>

/**
 * The front door: WebSocket stream, REST and page on one port. It reads the stream for itself, so its event group is named after
 * the node, and warms up from `latest`. Not ready until then.
 */
export function gatewayService(deps: GatewayDeps) {
  let hub: Hub
  let feed: BoardFeed
  let server: PushServer | undefined
  let known: KnownInstruments
  const wanted = new WantedKeys()
  const pressure = new PressureStatus(systemClock)
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
    /** Sources and instruments that are not ok. */
    troubles: hub.statuses
  })

  return {
    name: 'gateway',
    mixins: [ApiGateway],
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
          answer(ctx, () => answerLatest(readyBoard(hub), parseLatestQuery(ctx.params)))
      },
      /** The latest row of `key`, as JSON text. */
      quote: {
        handler: (ctx: RestContext): Promise<unknown> =>
          answer(ctx, () => {
            const { key, fields } = parseKeyQuery(ctx.params)
            return answerKey(readyBoard(hub), key, fields)
          })
      },
      /** Stored quotes of `key` by observed time. */
      history: {
        handler: (ctx: RestContext): Promise<unknown> =>
          answer(ctx, async () => {
            const query = parseHistoryQuery(ctx.params, systemClock.nowMicros())
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
            return { ready: true }
          })
      },
      stats(): GatewayStats {
        return {
          ...hub.counters,
          sessions: hub.sessions,
          groups: hub.groups,
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

    created() {
      const { broker, logger } = this
      known = new KnownInstruments(deps.instruments())
      hub = new Hub({
        node: broker.nodeID,
        limits: deps.limits,
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
    },

    async started() {
      const page = new WebPage(WEB_FOLDER, deps.demoSources().length > 0)
      server = await PushServer.open({
        hub,
        port: deps.port(),
        handle: (request, response) => {
          if (page.serve(request, response)) return
          if (request.url?.split('?', 1)[0] === STREAM_PATH)
            sendProblem(response, new HttpProblem(426, `expected a WebSocket upgrade at ${STREAM_PATH}`))
          else this.httpHandler(request, response)
        }
      })
      this.logger.info(`gateway: listening at http://localhost:${server.port}`, { demo: deps.demoSources() })
    },

    async stopped() {
      feed.close()
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
  demoSources: () => markets.sources.filter(usesDemo).map(({ name }) => name)
})
