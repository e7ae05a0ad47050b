import { natsServer } from './nats-server.ts'
import type { ServerRecipe } from './server-recipe.ts'

/** Where a server of a NATS cluster stands among the others; all ports are of 127.0.0.1. */
export interface ClusterSeat {
  /** Unique in the cluster: by it the servers tell who leads a stream. */
  name: string
  /** Where the others connect to it. */
  routePort: number
  /** The route ports of all, its own among them. */
  routePorts: readonly number[]
  /** Answers `/healthz`, `/jsz` and the like over HTTP. */
  monitorPort: number
}

/** One nats-server of a cluster. It greets alone; streams are served once a majority has met. @param config more lines of its configuration. */
export function clusteredNatsServer(seat: ClusterSeat, config = ''): ServerRecipe {
  const { name, routePort, routePorts, monitorPort } = seat
  const routes = routePorts.map(port => `nats-route://127.0.0.1:${port}`).join(', ')
  const lines = [
    `server_name: ${name}`,
    `http: "127.0.0.1:${monitorPort}"`,
    `cluster { name: quotecast, listen: "127.0.0.1:${routePort}", routes: [${routes}] }`,
    config
  ]
  return { ...natsServer({ config: lines.join('\n') }), name }
}
