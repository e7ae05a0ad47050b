import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { TestContext } from 'node:test'

/** An HTTP server that stands for a venue, and remembers who asked. */
export interface Origin {
  url: string
  port: number
  requests: { peer: string; userAgent: string; path: string }[]
  /** Connections that are open now. */
  open(): number
}

const answerOk: RequestListener = (_request, response) => {
  response.setHeader('content-type', 'application/json')
  response.end('{"ok":true}')
}

/** Starts an origin on a free port. */
export async function startOrigin(t: TestContext, answer: RequestListener = answerOk): Promise<Origin> {
  const requests: Origin['requests'] = []
  const sockets = new Set<Socket>()
  const server = createServer((request: IncomingMessage, response) => {
    requests.push({
      peer: request.socket.remoteAddress ?? '',
      userAgent: request.headers['user-agent'] ?? '',
      path: request.url ?? ''
    })
    answer(request, response)
  })
  server.on('connection', socket => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, port, requests, open: () => sockets.size }
}
