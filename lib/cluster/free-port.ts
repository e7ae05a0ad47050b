import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below the range that the kernel gives to outgoing connections: a port found here stays free while its server restarts. */
const LOWEST = 15_000
const HIGHEST = 31_999
const ATTEMPTS = 50

/**
 * UDP sockets on the numbers that were given, for as long as this process lives: minutes may pass before a server listens there, and
 * another process that looks for a port meanwhile must not find the same one. No server here speaks UDP.
 */
const claims: Socket[] = []

/** A port of 127.0.0.1 that nobody listens on now, and that no other caller of this function gets while this process lives. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST + 1))
    if ((await isFree(port)) && (await claim(port))) return port
  }
  throw new Error(`expected a free port from ${LOWEST} to ${HIGHEST}, found none in ${ATTEMPTS} attempts`)
}

/** Whether nobody listens on a port of 127.0.0.1 now. */
export async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return true
  } catch {
    return false
  } finally {
    server.close()
  }
}

/** @returns false when another process, or an earlier call, has it. */
async function claim(port: number): Promise<boolean> {
  const socket = createSocket('udp4').unref()
  try {
    socket.bind({ port, address: '127.0.0.1', exclusive: true })
    await once(socket, 'listening')
    claims.push(socket)
    return true
  } catch {
    socket.close()
    return false
  }
}
