import { natsServer } from '../../lib/cluster/nats-server.ts'
import type { Scope } from './clean-up.ts'
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
export async function startNatsServer(t: Scope, options: NatsServerOptions = {}): Promise<NatsServer> {
  const nats = await startProcess(t, natsServer(options.config))
  return { ...nats, server: `127.0.0.1:${nats.port}` }
}
