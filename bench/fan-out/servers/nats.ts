import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../../../lib/cluster/free-port.ts'
import { probe } from '../../../lib/cluster/probe.ts'
import type { Scope } from '../../../test/kit/clean-up.ts'
import { startProcess } from '../../../test/kit/private-process.ts'
import { type Running, runningBinary } from './running.ts'

/** nats-server with its WebSocket port for clients; subjects are topics, nothing is stored. */
export async function startNatsWebSocket(scope: Scope): Promise<Running> {
  const clientPort = await freePort()
  const nats = await startProcess(scope, {
    name: 'nats',
    binary: 'nats-server',
    prepare: ({ dir }) =>
      writeFile(join(dir, 'nats.conf'), `websocket { listen: "127.0.0.1:${clientPort}", no_tls: true }\n`),
    args: ({ port, dir }) => ['-a', '127.0.0.1', '-p', String(port), '-c', join(dir, 'nats.conf')],
    ready: ({ port }) => probe(port, '', reply => reply.startsWith('INFO'))
  })
  return runningBinary(nats.pid(), clientPort, nats.port)
}
