import { createConnection } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type PrivateProcess, startProcess } from './private-process.ts'

const PASSWORD = 'p@ss/1'

export interface RedisServer extends PrivateProcess {
  /** `redis://…` with the server's password. */
  url: string
}

/** A private Redis that writes every command to its append-only file: it keeps its data over `kill9` and `restart`. */
export async function startRedis(t: TestContext): Promise<RedisServer> {
  const server = await startProcess(t, {
    name: 'redis',
    binary: 'redis-server',
    debianPackage: 'redis-server',
    args: ({ port, dir }) => [
      ...['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--unixsocket', join(dir, 'redis.sock')],
      ...['--appendonly', 'yes', '--appendfsync', 'no', '--save', '', '--requirepass', PASSWORD]
    ],
    ready: ({ port }) => answers(port)
  })
  return { ...server, url: `redis://:${encodeURIComponent(PASSWORD)}@127.0.0.1:${server.port}/0` }
}

/** Logs in and asks for a PONG, which a server that still loads its file refuses. */
function answers(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = createConnection(port, '127.0.0.1')
    let reply = ''
    const end = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.write(`AUTH ${PASSWORD}\r\nPING\r\n`)
    socket.on('data', data => {
      reply += data.toString('latin1')
      if (reply.split('\r\n').length > 2) end(reply.includes('+PONG'))
    })
    socket.once('error', () => end(false))
    socket.once('close', () => resolve(false))
    socket.setTimeout(1_000, () => end(false))
  })
}
