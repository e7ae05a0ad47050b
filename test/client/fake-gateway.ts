import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { type WebSocket, WebSocketServer } from 'ws'
import { cleanUp } from '../kit/clean-up.ts'
import { waitUntil } from '../kit/wait-until.ts'

/** Any message, read loosely: the tests say what they expect. */
export interface Message {
  type: string
  id?: number
  [field: string]: unknown
}

export interface FakeConnection {
  readonly socket: WebSocket
  readonly asked: Message[]
  closed: boolean
  say(message: object): void
  of(type: string): Message[]
}

export interface FakeOptions {
  welcome?: object
  /** Answers in place of the usual answer; false to give that one. */
  answer?: (message: Message, connection: FakeConnection, index: number) => boolean
}

/** A gateway that says what the test says. Without more it lets everybody in and gives each subscription the sid `S<number>`. */
export class FakeGateway {
  readonly connections: FakeConnection[] = []
  readonly url: string
  #sids = 0

  private constructor(server: WebSocketServer, { welcome = {}, answer = () => false }: FakeOptions) {
    this.url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`
    server.on('connection', socket => {
      const connection: FakeConnection = {
        socket,
        asked: [],
        closed: false,
        say: message => socket.send(JSON.stringify(message)),
        of: type => connection.asked.filter(message => message.type === type)
      }
      const index = this.connections.push(connection) - 1
      socket.on('close', () => {
        connection.closed = true
      })
      socket.on('message', data => {
        const message = JSON.parse(String(data)) as Message
        connection.asked.push(message)
        if (!answer(message, connection, index)) this.#answer(message, connection)
      })
      const limits = { messagesPerSecond: 5, messageBytes: 65_536 }
      const said = { type: 'welcome', v: 1, session: `s_${index}`, node: 'fake', epoch: 'E1', time: 1, auth: 'none' }
      connection.say({ ...said, limits, features: [], ...welcome, resumeToken: `t_${index}` })
    })
  }

  static async open(t: TestContext, options: FakeOptions = {}): Promise<FakeGateway> {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'quotes.v1.json' })
    await once(server, 'listening')
    cleanUp(t, () => {
      for (const socket of server.clients) socket.terminate()
      server.close()
    })
    return new FakeGateway(server, options)
  }

  /** The connection of this number, from 0, once it has asked for so many messages of a type. */
  async connection(index: number, type?: string, count = 1): Promise<FakeConnection> {
    const has = (connection?: FakeConnection) =>
      connection !== undefined && (type === undefined || connection.of(type).length >= count)
    await waitUntil(`connection ${index} asked ${type ?? 'anything'} ${count} times`, () =>
      has(this.connections[index])
    )
    return this.connections[index] as FakeConnection
  }

  #answer(message: Message, { say }: FakeConnection): void {
    const { id, type } = message
    if (type === 'subscribe') {
      const subs = (message.subs as object[]).map(({ mode = 'conflate' }: { mode?: string }) =>
        subInfo(`S${++this.#sids}`, mode)
      )
      say({ type: 'subscribed', id, subs, rejected: [] })
      for (const { sid } of subs) say(snapshot(sid, { A: 10, B: 10, C: 10 }))
    } else if (type === 'auth') say({ type: 'ok', id, user: 'u', plan: 'pro', expiresAt: null })
    else if (type === 'resync') say({ type: 'resynced', id, sids: message.sids })
    else if (type === 'unsubscribe') say({ type: 'unsubscribed', id, sids: message.sids })
    else if (type === 'update') say({ type: 'updated', id, from: message.sid, sub: subInfo(`S${++this.#sids}`) })
    else if (type === 'list') say({ type: 'subscriptions', id, subs: [] })
  }
}

export const subInfo = (sid: string, mode = 'conflate') => ({
  sid,
  keys: 3,
  patterns: 0,
  matched: 3,
  intervalMs: 0,
  mode,
  epoch: 'E1',
  q: 10
})

/** Positions by key. */
type Positions = Record<string, number>

export function snapshot(sid: string, positions: Positions, { epoch = 'E1', final = true } = {}): object {
  const data = Object.entries(positions).map(([key, q]) => ({ key, q, last: String(q) }))
  return { type: 'snapshot', sid, epoch, q: Math.max(0, ...Object.values(positions)), final, data }
}

/** One row per key, each of which follows position `p`. */
export function quotes(sid: string, p: number, positions: Positions): object {
  const data = Object.entries(positions).map(([key, q]) => ({ key, q, p, n: 1, last: String(q) }))
  return { type: 'quotes', sid, q: Math.max(...Object.values(positions)), time: 1, data }
}
