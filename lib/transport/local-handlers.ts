import { type Context, Errors, type ServiceBroker, Utils } from 'moleculer'
import type { DeliveryHeaders } from './delivery.ts'
import type { StreamSpec } from './stream-spec.ts'

/** The content of a Moleculer event packet, as far as it is needed here. */
export interface EventPayload {
  id: string
  ver: string
  sender: string
  event: string
  data?: unknown
  groups?: string[]
  meta?: object
  headers?: Record<string, unknown>
  level?: number
  tracing?: boolean
  parentID?: string
  requestID?: string
  caller?: string
}

/** How the handlers of a group took an event. */
export type Outcome =
  | { kind: 'handled' }
  /** No handler of the group is here now. */
  | { kind: 'unhandled' }
  /** `retry`: `counted` until the table's maxDeliver, `always` while a resource is away, `never` when it cannot help. */
  | { kind: 'failed'; error: Error; retry: 'counted' | 'always' | 'never' }

/** Whether a value read from a stream is an event that this broker speaks. */
export function isEventPayload(value: unknown, broker: ServiceBroker): value is EventPayload {
  if (typeof value !== 'object' || value === null) return false
  const payload = value as Record<string, unknown>
  return typeof payload.event === 'string' && typeof payload.id === 'string' && payload.ver === broker.PROTOCOL_VERSION
}

/** The groups that listen here to a stream's events, each with the events that it listens to. */
export function localGroups(broker: ServiceBroker, spec: StreamSpec): Map<string, string[]> {
  const groups = new Map<string, string[]>()
  for (const { name, group } of broker.registry.events.list({ onlyLocal: true })) {
    for (const event of spec.events) {
      if (Utils.match(event, name)) groups.set(group, [...new Set([...(groups.get(group) ?? []), event])])
    }
  }
  return groups
}

/**
 * Runs the local handlers of one group, and tells how it went.
 *
 * Moleculer's own message handler answers yes also when nobody listened, refuses everything while the broker stops (when a
 * stream is to be drained), and keeps the error to itself; so the context is made here, as it does.
 */
export async function runHandlers(
  broker: ServiceBroker,
  payload: EventPayload,
  group: string,
  headers: DeliveryHeaders
): Promise<Outcome> {
  const listens = broker.registry.events.getAllEndpoints(payload.event, [group]).some(({ id }) => id === broker.nodeID)
  if (!listens) return { kind: 'unhandled' }
  const ctx: Context = new broker.ContextFactory(broker)
  ctx.id = payload.id
  ctx.eventName = payload.event
  ctx.setParams(payload.data, broker.options.contextParamsCloning)
  ctx.eventGroups = [group]
  ctx.eventType = 'emit'
  ctx.meta = payload.meta ?? {}
  ctx.headers = { ...payload.headers, ...headers }
  ctx.level = payload.level ?? 1
  ctx.tracing = payload.tracing ?? false
  ctx.parentID = payload.parentID ?? null
  ctx.requestID = payload.requestID ?? null
  ctx.caller = payload.caller ?? null
  ctx.nodeID = payload.sender
  try {
    await broker.emitLocalServices(ctx)
    return { kind: 'handled' }
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown))
    return { kind: 'failed', error, retry: retryOf(error) }
  }
}

/** An error marked `retryable` says that a resource is away: its event waits, however often it takes. */
function retryOf(error: Error): 'counted' | 'always' | 'never' {
  if (error instanceof Errors.ValidationError) return 'never'
  return 'retryable' in error && error.retryable === true ? 'always' : 'counted'
}
