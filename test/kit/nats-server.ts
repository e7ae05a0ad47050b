import { writeFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type PrivateProcess, startProcess } from './private-process.ts'

export interface NatsServer extends PrivateProcess {
  /** `127.0.0.1:port`, for the `servers` of a connection. */
  server: string
}

export interface NatsServerOptions {
  /** Lines of server configuration, e.g. `max_payload: 64KB`. */
  config?: string
}

/** A private nats-server with JetStream on file storage. */
export async function startNatsServer(t: TestContext, options: NatsServerOptions = {}): Promise<NatsServer> {
  const nats = await startProcess(t, {
    name: 'nats',
    binary: 'nats-server',
    debianPackage: 'nats-server',
    prepare: ({ dir }) =>
      writeFile(join(dir, 'nats.conf'), `jetstream { store_dir: "${dir}" }\n${options.config ?? ''}\n`),
    args: ({ port, dir }) => ['-a', '127.0.0.1', '-p', String(port), '-c', join(dir, 'nats.conf')],
    ready: ({ port }) => greets(port)
  })
  return { ...nats, server: `127.0.0.1:${nats.port}` }
}

/** nats-server greets with INFO once JetStream has recovered its streams. */
function greets(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = createConnection(port, '127.0.0.1')
    const end = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('data', data => end(data.toString('latin1').startsWith('INFO')))
    socket.once('error', () => end(false))
    socket.once('close', () => resolve(false))
    socket.setTimeout(1_000, () => end(false))
  })
}
