import { clusteredNatsServer } from '../../lib/cluster/clustered-nats-server.ts'
import { freePort } from '../../lib/cluster/free-port.ts'
import type { Scope } from './clean-up.ts'
import { type JetStreamView, viewJetStream } from './jetstream-view.ts'
import type { NatsServer } from './nats-server.ts'
import { startProcess } from './private-process.ts'
import { waitUntil } from './wait-until.ts'

/** One server of the cluster; it keeps its ports and its data over `kill9` and `restart`. */
export interface NatsClusterServer extends NatsServer {
  /** By which the servers speak of each other. */
  name: string
  view(): Promise<JetStreamView>
}

export interface NatsCluster {
  nodes: readonly NatsClusterServer[]
  /** All as `127.0.0.1:port`, for the `servers` of a connection. */
  servers: string[]
  /** The server that leads a stream, or a consumer of it, or `meta`; waits while there is none. */
  leaderOf(stream: string, consumer?: string): Promise<NatsClusterServer>
  /** Waits until everything has a leader, and each server that runs has stored what the leaders of its streams have now. */
  whenCurrent(): Promise<void>
}

export interface NatsClusterOptions {
  size?: number
  /** Lines of configuration of every server. */
  config?: string
}

/** An election takes up to nine seconds, and may come to nothing. */
const ELECTION_MS = 60_000

/** Private nats-servers that keep streams together; resolves when they have met. */
export async function startNatsCluster(t: Scope, { size = 3, config }: NatsClusterOptions = {}): Promise<NatsCluster> {
  const seats: { name: string; routePort: number; monitorPort: number }[] = []
  for (let n = 1; n <= size; n++) {
    seats.push({ name: `nats-${n}`, routePort: await freePort(), monitorPort: await freePort() })
  }
  const routePorts = seats.map(({ routePort }) => routePort)
  const nodes = await Promise.all(
    seats.map(async (seat): Promise<NatsClusterServer> => {
      const nats = await startProcess(t, clusteredNatsServer({ ...seat, routePorts }, config))
      const view = () => viewJetStream(seat.monitorPort)
      return { ...nats, name: seat.name, server: `127.0.0.1:${nats.port}`, view }
    })
  )
  const cluster: NatsCluster = {
    nodes,
    servers: nodes.map(({ server }) => server),
    async leaderOf(stream, consumer) {
      const id = consumer === undefined ? stream : `${stream} ${consumer}`
      let leader: NatsClusterServer | undefined
      const look = async () => {
        // Others name one that is dead until they miss it.
        const claims = await Promise.all(nodes.map(async node => (await node.view()).get(id)?.leader === node.name))
        leader = nodes.find((_node, index) => claims[index])
        return leader !== undefined
      }
      await waitUntil(`${id} has a leader`, look, ELECTION_MS)
      return leader as NatsClusterServer
    },
    async whenCurrent() {
      const sequences = new Map<string, number>()
      await waitUntil('every server that runs has caught up', () => haveCaughtUp(nodes, sequences), ELECTION_MS)
    }
  }
  await cluster.leaderOf('meta')
  return cluster
}

/** @param sequences what leaders had stored when it was first asked. */
async function haveCaughtUp(nodes: readonly NatsClusterServer[], sequences: Map<string, number>): Promise<boolean> {
  const running = nodes.filter(node => node.alive())
  const views = await Promise.all(running.map(async ({ name, view }) => ({ name, view: await view() })))
  const known = new Set(views.flatMap(({ view }) => [...view.keys()]))
  return [...known].every(id => {
    const led = views.map(({ name, view }) => ({ name, group: view.get(id) })).find(isLeader)
    if (led?.group === undefined) return false
    const { name, group } = led
    const sequence = sequences.get(id) ?? group.lastSequence
    sequences.set(id, sequence)
    return views
      .filter(other => group.others.includes(other.name))
      .map(({ view }) => view.get(id))
      .every(other => other?.leader === name && other.lastSequence >= sequence)
  })
}

function isLeader({ name, group }: { name: string; group: { leader: string | undefined } | undefined }): boolean {
  return group?.leader === name
}
