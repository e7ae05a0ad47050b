import type { TestContext } from 'node:test'
import { type Context, ServiceBroker, type ServiceSchema } from 'moleculer'
import { createTransport } from '../../lib/transport/create-transport.ts'
import { CONSUMING, type Consuming, type DeliveryHeaders, MESSAGE_ID_HEADER } from '../../lib/transport/delivery.ts'
import type { StreamSpec } from '../../lib/transport/stream-spec.ts'
import type { TransportOptions } from '../../lib/transport/transport-options.ts'
import type { TransporterSetting } from '../../lib/transport/transporter-setting.ts'
import { cleanUp } from '../kit/clean-up.ts'

/** A small table with one stream of either kind. */
export const thingStreams: readonly StreamSpec[] = [
  {
    name: 'things',
    events: ['thing.happened'],
    retention: 'limits',
    groups: ['first', 'second'],
    tailGroup: 'second',
    maxAgeMs: 60_000,
    maxBytes: 32 * 1024 ** 2,
    keepMs: 0,
    duplicateWindowMs: 30_000,
    maxAckPending: 64,
    ackWaitMs: 3_000,
    maxDeliver: 3,
    concurrency: 8
  },
  {
    name: 'jobs',
    events: ['job.due'],
    retention: 'workqueue',
    groups: ['worker'],
    maxAgeMs: 60_000,
    maxBytes: 8 * 1024 ** 2,
    keepMs: 0,
    duplicateWindowMs: 30_000,
    maxAckPending: 256,
    ackWaitMs: 3_000,
    maxDeliver: 3,
    concurrency: 8
  }
]

export const quickOptions = {
  streams: thingStreams,
  publishDeadlineMs: 10_000,
  publishAttemptMs: 500,
  retryBaseMs: 10,
  retryCapMs: 50,
  heartbeatMs: 500
} as const satisfies Partial<TransportOptions>

let nodes = 0

/** A broker with the services, not yet started; stopped after the test. */
export async function makeNode(
  t: TestContext,
  setting: TransporterSetting,
  services: ServiceSchema[],
  { namespace, ...options }: Partial<TransportOptions> & { namespace?: string } = {}
): Promise<ServiceBroker> {
  const { transporter, middleware } = await createTransport(setting, { ...quickOptions, ...options })
  const broker = new ServiceBroker({
    nodeID: `node-${++nodes}`,
    namespace,
    logger: false,
    transporter,
    middlewares: [middleware],
    disableBalancer: true,
    requestTimeout: 5_000,
    registry: { stopDelay: 0 },
    // Known to Moleculer, not to its types.
    transit: { serviceChangedDebounceTime: 10 } as object,
    skipProcessEventRegistration: true
  })
  for (const schema of services) broker.createService(schema)
  cleanUp(t, () => broker.stop())
  return broker
}

/** What a handler was given. */
export interface Seen {
  n: number
  epoch: string
  sequence: number
  count: number
}

export interface Listener {
  schema: ServiceSchema
  seen: Seen[]
  /** `$stream.consuming` and events in the order in which they came. */
  log: ('consuming' | 'event')[]
  consuming: Consuming[]
  numbers(): number[]
}

/** A service that listens to an event in a group of its own name, and keeps what it was given before `handle` runs. */
export function listener(
  group: string,
  handle: (n: number, count: number) => void | Promise<void> = () => undefined,
  event = 'thing.happened'
): Listener {
  const seen: Seen[] = []
  const log: Listener['log'] = []
  const consuming: Consuming[] = []
  const schema = {
    name: group.replace(/\W/g, '-'),
    events: {
      [CONSUMING](ctx: Context<Consuming>) {
        if (ctx.params.group !== group) return
        log.push('consuming')
        consuming.push(ctx.params)
      },
      [event]: {
        group,
        params: { n: 'number' },
        async handler({ params: { n }, headers }: Context<{ n: number }, object, object, DeliveryHeaders>) {
          const {
            'stream-epoch': epoch = '',
            'stream-sequence': sequence = Number.NaN,
            'delivery-count': count = Number.NaN
          } = headers
          log.push('event')
          seen.push({ n, epoch, sequence, count })
          await handle(n, count)
        }
      }
    }
  } satisfies ServiceSchema
  return { schema, seen, log, consuming, numbers: () => seen.map(({ n }) => n) }
}

/** Emits a durable event and waits for its confirmation. */
export function happen(
  broker: ServiceBroker,
  n: unknown,
  messageId?: string,
  event = 'thing.happened'
): Promise<unknown> {
  const headers = messageId === undefined ? {} : { headers: { [MESSAGE_ID_HEADER]: messageId } }
  return broker.emit(event, { n }, { throwError: true, ...headers })
}

export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index)
}

export function ascending(numbers: readonly number[]): number[] {
  return [...numbers].sort((a, b) => a - b)
}
