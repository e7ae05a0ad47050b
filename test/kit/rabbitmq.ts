import { freePort } from '../../lib/cluster/free-port.ts'
import { rabbitmqServer } from '../../lib/cluster/rabbitmq-server.ts'
import type { Scope } from './clean-up.ts'
import { type PrivateProcess, startProcess } from './private-process.ts'

/** With characters that a URL must escape. */
const ACCOUNT = { user: 'quotecast', password: 'p@ss:word/1' }

export interface RabbitmqServer extends PrivateProcess {
  /** `amqp://…` with the server's account. */
  url: string
}

/** A private RabbitMQ; durable queues keep their persistent messages over `kill9` and `restart`. */
export async function startRabbitmq(t: Scope): Promise<RabbitmqServer> {
  const ports = { distributionPort: await freePort(), registryPort: await freePort() }
  const server = await startProcess(t, { ...rabbitmqServer({ ...ACCOUNT, ...ports }), readyTimeoutMs: 60_000 })
  const { user, password } = ACCOUNT
  return { ...server, url: `amqp://${user}:${encodeURIComponent(password)}@127.0.0.1:${server.port}` }
}
