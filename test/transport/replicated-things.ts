import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { ServiceBroker } from 'moleculer'
import type { StreamSpec } from '../../lib/transport/stream-spec.ts'
import { TransportError } from '../../lib/transport/transport-error.ts'
import type { TransportOptions } from '../../lib/transport/transport-options.ts'
import type { NatsCluster } from '../kit/nats-cluster.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { ascending, happen, type Listener, makeNode, range, thingStreams } from './things.ts'

/** The stream of `thing.happened` in the server. */
export const THINGS = 'MOL-things'

/** Elections last: an event must neither be too old meanwhile, nor its repetition come after the window. */
export const replicatedStreams: readonly StreamSpec[] = thingStreams.map(spec => ({
  ...spec,
  replicas: 3,
  maxAgeMs: 600_000,
  duplicateWindowMs: 120_000
}))

/** A node of a cluster that keeps the things on three servers, with listeners; not yet started. */
export function makeReplicatedNode(
  t: TestContext,
  { servers }: Pick<NatsCluster, 'servers'>,
  listeners: readonly Listener[] = [],
  options: Partial<TransportOptions> = {}
): Promise<ServiceBroker> {
  const schemas = listeners.map(({ schema }) => schema)
  const given = { streams: replicatedStreams, publishDeadlineMs: 20_000, ...options }
  return makeNode(t, { kind: 'nats', servers }, schemas, given)
}

/** Emits the n-th event under its message id. @returns false when it was refused for now. */
export async function isConfirmed(node: ServiceBroker, n: number): Promise<boolean> {
  try {
    await happen(node, n, `thing-${n}`)
    return true
  } catch (error) {
    if (error instanceof TransportError && error.retryable) return false
    throw error
  }
}

export interface SteadyLoad {
  confirmed: readonly number[]
  /** Publishes that were refused; each was then repeated under the same message id. */
  refused(): number
  /** Waits until so many more are confirmed. */
  more(count: number): Promise<void>
  stop(): Promise<void>
}

/** Publishes at a steady rate until it is stopped, each event until it is confirmed. */
export function startSteadyLoad(node: ServiceBroker): SteadyLoad {
  const confirmed: number[] = []
  let [next, refused, ended] = [0, 0, false]
  const lanes = range(0, 4).map(async () => {
    while (!ended) {
      const n = next++
      while (!(await isConfirmed(node, n))) refused++
      confirmed.push(n)
      await delay(10)
    }
  })
  return {
    confirmed,
    refused: () => refused,
    async more(count) {
      const enough = confirmed.length + count
      await waitUntil(`${count} more events are confirmed`, () => confirmed.length >= enough, 60_000)
    },
    async stop() {
      ended = true
      await Promise.all(lanes)
    }
  }
}

/** Waits until a listener has seen so many different events. @returns them all, each once, in order. */
export async function allSeen({ numbers }: Listener, count: number): Promise<number[]> {
  await waitUntil(`${count} events came`, () => new Set(numbers()).size >= count, 60_000)
  return ascending([...new Set(numbers())])
}
