import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createHttpHandler } from './http-handler.ts'
import type { Market, PlaybackProgress } from './market.ts'
import { type PeerCounters, PeerLog } from './peer-log.ts'
import { PlaybackMarket, type PlaybackSpeed } from './playback-market.ts'
import { createRestApi } from './rest-api.ts'
import { type StreamCounters, StreamServer } from './stream-server.ts'
import { SyntheticMarket } from './synthetic-market.ts'
import { LIMITS, type Limits, WeightMeter } from './weight-meter.ts'

export interface ExchangeOptions {
  /** The address to listen on. */
  host: string
  /** 0 takes a free one. */
  port: number
  /** The synthetic market, or a recording to play. */
  market:
    | { kind: 'synthetic'; seed: number; pairs: number; rate: number }
    | { kind: 'playback'; file: string; speed: PlaybackSpeed; hold: boolean }
  limits: Limits
  pingIntervalMs: number
  /** Milliseconds since the epoch. */
  now: () => number
}

export const EXCHANGE_DEFAULTS = {
  host: '127.0.0.1',
  port: 0,
  market: { kind: 'synthetic', seed: 1, pairs: 20, rate: 10 },
  limits: LIMITS,
  pingIntervalMs: 20_000,
  now: Date.now
} as const satisfies ExchangeOptions

/** What a demo exchange has done so far; also the answer of `GET /demo/status`. */
export interface ExchangeStatus {
  demo: true
  market: Market['kind']
  pairs: number
  /** Null for the synthetic market. */
  playback: PlaybackProgress | null
  streams: StreamCounters
  /** By the remote address of the socket. */
  peers: Record<string, PeerCounters>
}

/** A running demo exchange. */
export interface Exchange {
  /** `http://host:port` */
  readonly url: string
  /** `ws://host:port`; the venue's paths `/stream` and `/ws` are below it. */
  readonly streamUrl: string
  readonly port: number
  status(): ExchangeStatus
  /** Begins a playback that was started with `hold`. */
  play(): void
  /** Sends `serverShutdown` to every client of the stream. */
  announceShutdown(): void
  /** Ends all connections and frees the port. Idempotent. */
  close(): Promise<void>
}

/**
 * Starts a demo exchange that speaks the venue's market-data API over HTTP and WebSocket.
 * @throws RangeError for options out of range; what listening throws, e.g. EADDRINUSE
 */
export async function startExchange(given: Partial<ExchangeOptions> = {}): Promise<Exchange> {
  const options: ExchangeOptions = Object.freeze({ ...EXCHANGE_DEFAULTS, ...given })
  const { host, port, limits, now, pingIntervalMs } = options
  const market = openMarket(options)
  const meter = new WeightMeter(limits, now)
  const log = new PeerLog()
  const streams = new StreamServer({ now, pingIntervalMs, onSubscribed: () => market.subscribed() })
  const status = (): ExchangeStatus => ({
    demo: true,
    market: market.kind,
    pairs: market.pairs.length,
    playback: market.progress(),
    streams: streams.counters(),
    peers: log.counters()
  })
  const api = createRestApi(market, limits, now)
  const server = createServer(
    createHttpHandler({ api, meter, log, status, play: () => market.play(), market: market.kind, limits })
  )
  server.on('upgrade', (request, socket, head) => streams.upgrade(request, socket, head))
  try {
    server.listen(port, host)
    await once(server, 'listening')
  } catch (error) {
    streams.close()
    throw error
  }
  market.begin(streams)

  const address = server.address() as AddressInfo
  const authority = `${host.includes(':') ? `[${host}]` : host}:${address.port}`
  let closed: Promise<void> | undefined
  const close = async () => {
    const stopped = once(server, 'close')
    server.close()
    streams.close()
    server.closeAllConnections()
    await market.close()
    await stopped
  }
  return {
    url: `http://${authority}`,
    streamUrl: `ws://${authority}`,
    port: address.port,
    status,
    play: () => market.play(),
    announceShutdown: () => streams.announceShutdown(),
    close: () => {
      closed ??= close()
      return closed
    }
  }
}

function openMarket({ market, now }: ExchangeOptions): Market {
  if (market.kind === 'playback') {
    const { file, speed, hold } = market
    if (speed !== 'max' && !(speed > 0)) throw new RangeError(`speed: expected a number above 0 or max, got ${speed}`)
    return new PlaybackMarket({ file, speed, hold, now })
  }
  const { seed, pairs, rate } = market
  if (!Number.isInteger(pairs) || pairs < 1 || pairs > 10_000) {
    throw new RangeError(`pairs: expected a whole number from 1 to 10000, got ${pairs}`)
  }
  if (!(rate > 0 && rate <= 10_000)) throw new RangeError(`rate: expected a number above 0, at most 10000, got ${rate}`)
  return new SyntheticMarket({ seed, pairs, rate, now })
}
