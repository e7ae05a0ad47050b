import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'

/** A TCP server that does to every connection what the test says, by default nothing: it accepts and keeps silent. */
export interface SilentServer {
  port: number
  /** Connections that are open now. */
  open(): number
  /** Connections so far. */
  accepted(): number
}

/** Starts one on a free port. */
export async function startSilentServer(
  t: TestContext,
  onConnection: (socket: Socket) => void = () => {}
): Promise<SilentServer> {
  const sockets = new Set<Socket>()
  let accepted = 0
  const server = createServer(socket => {
    accepted++
    sockets.add(socket)
    socket.on('error', () => {}).once('close', () => sockets.delete(socket))
    socket.resume()
    onConnection(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return { port: (server.address() as AddressInfo).port, open: () => sockets.size, accepted: () => accepted }
}
