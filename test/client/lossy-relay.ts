import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { WebSocket, WebSocketServer } from 'ws'
import { cleanUp } from '../kit/clean-up.ts'

interface Frame {
  type: string
  sid: string
  final?: boolean
  data?: { key: string; q: number }[]
}

interface Asked {
  type: string
  pos?: { q: number }[]
  subs?: { since?: { q: number } }[]
}

/**
 * Stands between a client and a gateway and drops frames with quotes. It knows what it dropped, not what `p` says: an instrument of
 * which a row was dropped counts as lost when a later row of it passes before a snapshot did. A client that resumes behind the
 * dropped row gets it after all. For one subscription.
 */
export class LossyRelay {
  readonly url: string
  /** The losses that a client has to see. */
  losses = 0
  dropped = 0
  readonly #server: WebSocketServer
  /** The first dropped position by key. */
  readonly #lacking = new Map<string, number>()

  private constructor(server: WebSocketServer, port: number, drops: () => boolean) {
    this.#server = server
    this.url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`
    server.on('connection', client => {
      const gateway = new WebSocket(`ws://127.0.0.1:${port}/v1/stream`, 'quotes.v1.json')
      const waiting: string[] = []
      client.on('message', data => {
        const { type, pos, subs } = JSON.parse(String(data)) as Asked
        if (type === 'resume') this.#replay(pos?.[0]?.q)
        if (type === 'subscribe') this.#replay(subs?.[0]?.since?.q)
        if (gateway.readyState === WebSocket.OPEN) gateway.send(String(data))
        else waiting.push(String(data))
      })
      gateway.on('open', () => waiting.forEach(text => void gateway.send(text)))
      gateway.on('message', data => {
        if (client.readyState !== WebSocket.OPEN) return
        const frame = JSON.parse(String(data)) as Frame
        if (frame.type === 'snapshot' && frame.final) this.#lacking.clear()
        if (frame.type === 'quotes' && drops()) {
          this.dropped++
          for (const { key, q } of frame.data ?? []) if (!this.#lacking.has(key)) this.#lacking.set(key, q)
          return
        }
        if (frame.type === 'quotes')
          for (const { key } of frame.data ?? []) if (this.#lacking.delete(key)) this.losses++
        client.send(String(data))
      })
      for (const socket of [client, gateway]) {
        socket.on('error', () => {})
        socket.on('close', () => {
          client.terminate()
          gateway.terminate()
        })
      }
    })
  }

  static async open(t: TestContext, port: number, drops: () => boolean): Promise<LossyRelay> {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'quotes.v1.json' })
    await once(server, 'listening')
    const relay = new LossyRelay(server, port, drops)
    cleanUp(t, () => {
      relay.cut()
      server.close()
    })
    return relay
  }

  /** The client goes on from here; what lies behind it is given again. */
  #replay(from = Number.POSITIVE_INFINITY): void {
    for (const [key, q] of this.#lacking) if (q > from) this.#lacking.delete(key)
  }

  /** Ends all connections, behind what was passed on: only so is it known what arrived. */
  cut(): void {
    for (const socket of this.#server.clients) socket.close(1012)
  }
}
