import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import { HttpProblem } from './http-problem.ts'
import type { Hub } from './hub.ts'
import { STREAM_PATH, SUBPROTOCOL } from './protocol.ts'

/** Answers under way may take so long before their connections are cut. */
const DRAIN_MS = 200
const RETRY_AFTER_S = 1

export interface PushServerOptions {
  hub: Hub
  /** 0 takes a free one. */
  port: number
  /** All interfaces when absent. */
  host?: string
  /** Answers everything that is not the stream. */
  handle: (request: IncomingMessage, response: ServerResponse) => void
  /** Told of every connection. */
  onConnection?: (connection: Socket) => void
}

/** One port for HTTP and the WebSocket stream. */
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
      handleProtocols: offered => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false)
    })
    server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head))
  }

  /** Listens; rejects when it cannot. */
  static async open({ hub, port, host, handle, onConnection }: PushServerOptions): Promise<PushServer> {
    const server = createServer({ shouldUpgradeCallback: offersWebSocket }, handle)
    if (onConnection !== undefined) server.on('connection', onConnection)
    const pushServer = new PushServer(hub, server)
    server.listen(port, host)
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

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // A client that goes away now is nobody's concern.
    socket.on('error', () => {})
    const refusal = this.#refusal(request)
    if (refusal === undefined) {
      this.#sockets.handleUpgrade(request, socket, head, webSocket => this.#hub.attach(webSocket, socket))
      return
    }
    this.#hub.counters.upgradesRefused++
    const { status, headers, body } = refusal
    const fields = Object.entries({ ...headers, connection: 'close', 'content-length': Buffer.byteLength(body) })
    const answer = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...fields.map(([name, value]) => `${name}: ${value}`)]
    // A client that leaves its half open would hold the connection, and the server's close, for ever.
    socket.once('finish', () => socket.destroy())
    socket.end(`${answer.join('\r\n')}\r\n\r\n${body}`)
  }

  #refusal(request: IncomingMessage): HttpProblem | undefined {
    const path = (request.url ?? '').split('?', 1)[0]
    if (path !== STREAM_PATH) return new HttpProblem(404, `expected ${STREAM_PATH}`)
    const offered = request.headers['sec-websocket-protocol']
    if (offered !== undefined && !offered.split(',').some(name => name.trim() === SUBPROTOCOL))
      return new HttpProblem(400, `expected subprotocol ${SUBPROTOCOL}`)
    if (this.#closing !== null || !this.#hub.isReady)
      return new HttpProblem(503, 'the board is not loaded', { retryAfterS: RETRY_AFTER_S })
    if (this.#hub.sessions >= this.#hub.limits.connections)
      return new HttpProblem(503, 'too many connections', { retryAfterS: RETRY_AFTER_S })
    return undefined
  }
}

/** Other protocols than WebSocket are not taken up, as HTTP allows: some clients offer HTTP/2 with every request. */
function offersWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket'
}
