import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below the range that the kernel gives to outgoing connections: a port found here stays free while its server restarts. */
const LOWEST = 15_000
const HIGHEST = 31_999
const ATTEMPTS = 50

/** A port of 127.0.0.1 that nobody listens on now. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST + 1))
    if (await isFree(port)) return port
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
