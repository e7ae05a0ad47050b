import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server } from 'socket.io'
import type { Gateway } from './gateway.ts'

/** A room per topic; socket.io encodes a packet once for a room. WebSocket only, uncompressed. */
export async function openSocketIo(): Promise<Gateway> {
  const http = createServer()
  const io = new Server(http, { transports: ['websocket'], serveClient: false, perMessageDeflate: false })
  io.on('connection', socket => {
    socket.on('join', (topics: string[]) => {
      socket.join(topics)
      socket.emit('ready')
    })
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  return {
    port: (http.address() as AddressInfo).port,
    publish: (topic, text) => void io.to(topic).emit('quotes', JSON.parse(text))
  }
}
