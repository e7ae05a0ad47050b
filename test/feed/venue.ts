import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { type WebSocket, WebSocketServer } from 'ws'
import { waitUntil } from '../kit/wait-until.ts'

/** A connection as the venue sees it. */
export interface VenueConnection {
  socket: WebSocket
  /** The streams it subscribed to, in order. */
  streams: string[]
  /** How many SUBSCRIBE messages it sent. */
  messages: number
  pings: number
}

/** A WebSocket server that takes Binance's SUBSCRIBE and says only what the test tells it to. */
export interface Venue {
  url: string
  connections: VenueConnection[]
  /** Waits until so many connections were made in all and the last one has subscribed to so many streams. */
  subscribed(connections: number, streams: number): Promise<VenueConnection>
}

export interface VenueOptions {
  /** Whether pings are answered; by default they are. */
  answersPings?: boolean
  port?: number
}

export async function startVenue(t: TestContext, { answersPings = true, port = 0 }: VenueOptions = {}): Promise<Venue> {
  const server = new WebSocketServer({ port, host: '127.0.0.1', autoPong: answersPings })
  await once(server, 'listening')
  const connections: VenueConnection[] = []
  server.on('connection', socket => {
    const connection: VenueConnection = { socket, streams: [], messages: 0, pings: 0 }
    connections.push(connection)
    socket.on('error', () => socket.terminate())
    socket.on('ping', () => connection.pings++)
    socket.on('message', data => {
      const { method, params, id } = JSON.parse(String(data))
      if (method !== 'SUBSCRIBE') return
      connection.messages++
      connection.streams.push(...params)
      socket.send(JSON.stringify({ result: null, id }))
    })
  })
  t.after(async () => {
    for (const { socket } of connections) socket.terminate()
    server.close()
    await once(server, 'close')
  })
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections,
    async subscribed(count, streams) {
      await waitUntil(
        `connection ${count} has ${streams} streams`,
        () => connections.length >= count && (connections[count - 1]?.streams.length ?? 0) >= streams
      )
      return connections[count - 1]!
    }
  }
}

/** A bookTicker frame of Binance's combined stream. */
export function bookFrame(symbol: string, u: number, padding = 0): string {
  const data = { u, s: symbol, b: '1.10', B: '2', a: '1.20', A: '3', pad: 'x'.repeat(padding) }
  return JSON.stringify({ stream: `${symbol.toLowerCase()}@bookTicker`, data })
}

/** A trade frame of Binance's combined stream. */
export function tradeFrame(symbol: string, id: number, timeMs: number): string {
  const data = { e: 'trade', E: timeMs, s: symbol, t: id, p: '1.15', q: '1', T: timeMs, m: true, M: true }
  return JSON.stringify({ stream: `${symbol.toLowerCase()}@trade`, data })
}

export const SHUTDOWN_FRAME = JSON.stringify({ e: 'serverShutdown', E: 1_770_123_456_789 })
