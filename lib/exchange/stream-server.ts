import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import type { Publisher } from './market.ts'
import { CUT_REASONS, type CutReason, StreamConnection } from './stream-connection.ts'

/** What the stream server has done so far. */
export interface StreamCounters {
  connections: number
  subscriptions: number
  /** Connections since the start. */
  accepted: number
  /** Upgrade requests for a path that does not exist, or beyond the bound of connections. */
  refused: number
  /** Frames handed to sockets: one frame to two subscribers counts twice. */
  framesSent: number
  /** Connections that the server ended, by the rule that they broke. */
  cut: Record<CutReason, number>
}

export interface StreamServerOptions {
  now: () => number
  pingIntervalMs: number
  /** Called after each message that subscribed to something. */
  onSubscribed: () => void
}

/** With 1024 streams each this bounds the subscriptions, too. */
const MAX_CONNECTIONS = 10_000
/** Larger than any SUBSCRIBE of 1024 streams. */
const MAX_MESSAGE_BYTES = 256 * 1024
const SHUTDOWN_STREAM = '!serverShutdown'
/** Going away, RFC 6455. */
const GOING_AWAY = 1001

/** The WebSocket side: `/ws`, `/ws/<stream>[/<stream>…]` raw, `/stream[?streams=a/b]` combined. */
export class StreamServer implements Publisher {
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES })
  readonly #options: StreamServerOptions
  readonly #connections = new Set<StreamConnection>()
  readonly #subscribers = new Map<string, Set<StreamConnection>>()
  readonly #pings: NodeJS.Timeout
  readonly #cut = Object.fromEntries(CUT_REASONS.map(reason => [reason, 0])) as Record<CutReason, number>
  #accepted = 0
  #refused = 0
  #framesSent = 0

  constructor(options: StreamServerOptions) {
    this.#options = options
    this.#pings = setInterval(() => {
      for (const connection of this.#connections) connection.ping()
    }, options.pingIntervalMs)
  }

  /** Takes over an upgrade request. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const target = readTarget(request.url ?? '/')
    if (target === undefined || this.#connections.size >= MAX_CONNECTIONS) {
      this.#refused++
      // Node leaves the socket of an upgrade to its taker, errors included: a client that is gone already is no failure.
      socket.on('error', () => socket.destroy())
      const status = target === undefined ? '404 Not Found' : '503 Service Unavailable'
      socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
      return
    }
    this.#server.handleUpgrade(request, socket, head, webSocket => {
      const connection = new StreamConnection(webSocket, {
        combined: target.combined,
        now: this.#options.now,
        events: {
          added: (stream, to) => this.#subscribersOf(stream).add(to),
          removed: (stream, from) => this.#forget(stream, from),
          subscribed: this.#options.onSubscribed,
          cut: reason => this.#cut[reason]++
        }
      })
      this.#accepted++
      this.#connections.add(connection)
      webSocket.once('close', () => this.#connections.delete(connection))
      connection.subscribe(target.streams)
    })
  }

  wanted(stream: string): boolean {
    return this.#subscribers.has(stream)
  }

  publish(stream: string, frame: string): number {
    const subscribers = this.#subscribers.get(stream)
    if (subscribers === undefined) return 0
    const { size } = subscribers
    for (const connection of subscribers) connection.sendFrame(stream, frame)
    this.#framesSent += size
    return size
  }

  async drained(): Promise<void> {
    for (const connection of this.#connections) await connection.drained()
  }

  /** Tells every client that the server is about to close. */
  announceShutdown(): void {
    const event = { e: 'serverShutdown', E: this.#options.now() }
    for (const connection of this.#connections) connection.sendEvent(event, SHUTDOWN_STREAM)
  }

  counters(): StreamCounters {
    let subscriptions = 0
    for (const connection of this.#connections) subscriptions += connection.subscriptions
    return {
      connections: this.#connections.size,
      subscriptions,
      accepted: this.#accepted,
      refused: this.#refused,
      framesSent: this.#framesSent,
      cut: { ...this.#cut }
    }
  }

  /** Ends every connection, without waiting for the other end. Idempotent. */
  close(): void {
    clearInterval(this.#pings)
    for (const connection of this.#connections) {
      connection.close(GOING_AWAY, 'server shutdown')
      connection.terminate()
    }
    this.#server.close()
  }

  #subscribersOf(stream: string): Set<StreamConnection> {
    let subscribers = this.#subscribers.get(stream)
    if (subscribers === undefined) {
      subscribers = new Set()
      this.#subscribers.set(stream, subscribers)
    }
    return subscribers
  }

  #forget(stream: string, connection: StreamConnection): void {
    const subscribers = this.#subscribers.get(stream)
    subscribers?.delete(connection)
    if (subscribers?.size === 0) this.#subscribers.delete(stream)
  }
}

/** The form and the first streams that a path asks for, or undefined for a path of another kind. */
function readTarget(url: string): { combined: boolean; streams: string[] } | undefined {
  const [path = '', query = ''] = url.split('?')
  if (path === '/stream') {
    const streams = new URLSearchParams(query).get('streams') ?? ''
    return { combined: true, streams: split(streams) }
  }
  if (path === '/ws' || path.startsWith('/ws/')) {
    return { combined: false, streams: split(decode(path.slice('/ws/'.length))) }
  }
  return undefined
}

function split(streams: string): string[] {
  return streams.split('/').filter(stream => stream !== '')
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // A broken percent sign is part of a stream that does not exist.
    return text
  }
}
