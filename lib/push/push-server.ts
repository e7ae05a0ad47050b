import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import { crossOrigin } from './cross-origin.ts'
import { EventStream, subscriptionOf, wantsEvents } from './event-stream.ts'
import { HttpProblem, problemOf, sendProblem } from './http-problem.ts'
import type { Hub } from './hub.ts'
import { STREAM_PATH, SUBPROTOCOLS } from './protocol.ts'
import { isPlayedOut } from './replay-event-id.ts'

/** Answers under way may take so long before their connections are cut. */
const DRAIN_MS = 200
const RETRY_AFTER_S = 1
const SUBPROTOCOL_NAMES: readonly string[] = Object.values(SUBPROTOCOLS)
/** Connections that may wait to be accepted, as far as the system allows: clients of a gateway that died come all at once. */
const BACKLOG = 4_096
/** A TLS handshake that takes longer is cut. */
const HANDSHAKE_MS = 10_000

export interface PushServerOptions {
  hub: Hub
  /** 0 takes a free one. */
  port: number
  /** All interfaces when absent. */
  host?: string
  /** PEM texts: the port speaks TLS only. */
  tls?: { cert: string; key: string } | undefined
  /** Answers everything that is not the stream. */
  handle: (request: IncomingMessage, response: ServerResponse) => void
  /** Told of every connection. */
  onConnection?: (connection: Socket) => void
}

/** One port for HTTP and the stream, by WebSocket or as server-sent events. */
export class PushServer {
  readonly #hub: Hub
  readonly #server: Server
  readonly #sockets: WebSocketServer
  #closing: Promise<void> | null = null

  private constructor(hub: Hub, server: Server) {
    this.#hub = hub
    this.#server = server
    this.#sockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: hub.limits.messageBytes,
      handleProtocols: offered => [...offered].find(isSubprotocol) ?? false
    })
    server.on('upgrade', (request, socket, head) => void this.#upgrade(request, socket, head))
  }

  /** Listens; rejects when it cannot. */
  static async open({ hub, port, host, tls, handle, onConnection }: PushServerOptions): Promise<PushServer> {
    const options = { shouldUpgradeCallback: offersWebSocket }
    const answer = (request: IncomingMessage, response: ServerResponse): void => {
      hub.gate.take(request)
      if (crossOrigin(hub.access.config.origins, request, response)) return
      if (pathOf(request) !== STREAM_PATH) handle(request, response)
      else if (wantsEvents(request)) void pushServer.#openEvents(request, response)
      else sendProblem(response, new HttpProblem(426, `expected a WebSocket upgrade or events at ${STREAM_PATH}`))
    }
    const server =
      tls === undefined
        ? createServer(options, answer)
        : createTlsServer({ ...options, ...tls, handshakeTimeout: HANDSHAKE_MS }, answer)
    if (onConnection !== undefined) server.on('connection', onConnection)
    const pushServer = new PushServer(hub, server)
    server.listen({ port, host, backlog: BACKLOG })
    await once(server, 'listening')
    return pushServer
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Ends the WebSocket clients first, because an HTTP server waits for its connections; then HTTP. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    await this.#hub.close()
    this.#server.closeIdleConnections()
    const cut = setTimeout(() => this.#server.closeAllConnections(), DRAIN_MS)
    await closed
    clearTimeout(cut)
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    // A client that goes away now is nobody's concern.
    socket.on('error', ignore)
    const gate = this.#hub.gate
    gate.take(request)
    try {
      this.#check(request)
      const visitor = await gate.admit(request, true)
      socket.on('close', visitor.place.release)
      if (socket.closed) visitor.place.release()
      // Much may have happened meanwhile.
      this.#check(request)
      this.#sockets.handleUpgrade(request, socket, head, webSocket => this.#hub.attach(webSocket, socket, visitor))
    } catch (error) {
      this.#refuse(socket, problemOf(error))
    }
  }

  async #openEvents(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const lastEventId = request.headers['last-event-id']?.toString()
      if (isPlayedOut(lastEventId)) {
        // The answer at which an `EventSource` does not come again.
        response.writeHead(204).end()
        return
      }
      this.#checkRoom()
      const message = subscriptionOf(parametersOf(request), lastEventId)
      const visitor = await this.#hub.gate.admit(request, false)
      response.once('close', visitor.place.release)
      if (response.closed || response.destroyed) {
        // Gone while it logged in: nothing would ever end its session.
        visitor.place.release()
        return
      }
      this.#checkRoom()
      this.#hub.attachEvents(new EventStream(response, this.#hub.board.epoch), message, visitor)
    } catch (error) {
      this.#hub.counters.upgradesRefused++
      sendProblem(response, problemOf(error))
    }
  }

  #refuse(socket: Duplex, { status, headers, body }: HttpProblem): void {
    this.#hub.counters.upgradesRefused++
    const fields = Object.entries({ ...headers, connection: 'close', 'content-length': Buffer.byteLength(body) })
    const answer = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...fields.map(([name, value]) => `${name}: ${value}`)]
    // A client that leaves its half open would hold the connection, and the server's close, for ever.
    socket.once('finish', () => socket.destroy())
    socket.end(`${answer.join('\r\n')}\r\n\r\n${body}`)
  }

  /** @throws HttpProblem why there is no stream for it. */
  #check(request: IncomingMessage): void {
    if (pathOf(request) !== STREAM_PATH) throw new HttpProblem(404, `expected ${STREAM_PATH}`)
    const offered = request.headers['sec-websocket-protocol']
    if (offered !== undefined && !offered.split(',').some(name => isSubprotocol(name.trim())))
      throw new HttpProblem(400, `expected subprotocol ${SUBPROTOCOL_NAMES.join(' or ')}`)
    this.#checkRoom()
  }

  /** @throws HttpProblem 503 */
  #checkRoom(): void {
    if (this.#hub.isDraining)
      throw new HttpProblem(503, 'this gateway is being drained', { retryAfterS: RETRY_AFTER_S })
    if (this.#closing !== null || !this.#hub.isReady)
      throw new HttpProblem(503, 'the board is not loaded', { retryAfterS: RETRY_AFTER_S })
    if (this.#hub.overload.isRefusing) {
      this.#hub.counters.refusedOverloaded++
      const retryAfterS = Math.ceil(this.#hub.limits.overloadRetryMs / 1000)
      throw new HttpProblem(503, 'this gateway is overloaded', { retryAfterS })
    }
    if (this.#hub.sessions >= this.#hub.limits.connections)
      throw new HttpProblem(503, 'too many connections', { retryAfterS: RETRY_AFTER_S })
  }
}

function ignore(): void {}

function isSubprotocol(name: string): boolean {
  return SUBPROTOCOL_NAMES.includes(name)
}

function pathOf({ url = '' }: IncomingMessage): string {
  return url.split('?', 1)[0] ?? ''
}

function parametersOf({ url = '' }: IncomingMessage): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(url.split('?', 2)[1] ?? ''))
}

/** Other protocols than WebSocket are not taken up, as HTTP allows: some clients offer HTTP/2 with every request. */
function offersWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket'
}
