import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Form } from '../task.ts'
import type { Gateway } from './gateway.ts'

/**
 * What one writes first: for each quote a loop over the clients that want it, `JSON.stringify` for each. With a whole tick to send
 * it is encoded once, and its bytes go to all.
 */
export async function openWs(form: Form): Promise<Gateway> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
  const topics = new Map<string, Set<WebSocket>>()
  server.on('connection', client => {
    client.on('message', data => {
      for (const topic of JSON.parse(String(data)) as string[]) {
        const clients = topics.get(topic) ?? new Set()
        topics.set(topic, clients.add(client))
      }
      client.send('ready')
    })
  })
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    publish(topic, text) {
      const clients = topics.get(topic) ?? []
      if (form === 'ticks') {
        const bytes = Buffer.from(text, 'latin1')
        for (const client of clients) client.send(bytes, { binary: false })
      } else {
        const quote: unknown = JSON.parse(text)
        for (const client of clients) client.send(JSON.stringify(quote))
      }
    }
  }
}
