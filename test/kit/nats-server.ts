import { type NatsServerOptions, natsServer } from '../../lib/cluster/nats-server.ts'
import type { Scope } from './clean-up.ts'
import { type Place, type PrivateProcess, startProcess } from './private-process.ts'

export interface NatsServer extends PrivateProcess {
  /** `127.0.0.1:port`, for the `servers` of a connection. */
  server: string
}

export interface PrivateNatsOptions extends NatsServerOptions {
  /** Runs before its first start; its directory is there already. */
  prepare?: (place: Place) => Promise<void>
}

/** A private nats-server with JetStream on file storage. */
export async function startNatsServer(t: Scope, options: PrivateNatsOptions = {}): Promise<NatsServer> {
  const recipe = natsServer(options)
  const prepare = async (place: Place) => {
    await options.prepare?.(place)
    await recipe.prepare(place)
  }
  const nats = await startProcess(t, { ...recipe, prepare })
  return { ...nats, server: `127.0.0.1:${nats.port}` }
}
