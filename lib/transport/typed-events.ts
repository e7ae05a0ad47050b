import type { Context, EventSchema, Service } from 'moleculer'
import { EVENT_PARAMS, type Events } from '../quote/events.ts'
import { type DeliveryHeaders, MESSAGE_ID_HEADER } from './delivery.ts'

/** The part of a broker or a context that sends events. */
export interface Emitter {
  emit(
    name: string,
    payload: unknown,
    options: { throwError: boolean; headers?: Record<string, string> }
  ): Promise<unknown>
  broadcast(name: string, payload: unknown, options: { throwError: boolean }): Promise<unknown>
}

/**
 * Publishes a durable event. Resolves when the stream has stored it, rejects when that could not be confirmed; the same
 * `messageId` may then be published again.
 */
export async function publish<K extends keyof Events>(
  to: Emitter,
  name: K,
  payload: Events[K],
  messageId?: string
): Promise<void> {
  const headers = messageId === undefined ? undefined : { [MESSAGE_ID_HEADER]: messageId }
  await to.emit(name, payload, { throwError: true, headers })
}

/** Sends a plain event to every node that listens. At most once: a node that is not there now never gets it. */
export async function announce<K extends keyof Events>(to: Emitter, name: K, payload: Events[K]): Promise<void> {
  await to.broadcast(name, payload, { throwError: true })
}

/** The entry of a service's `events` for one event, its schema included. */
export function on<K extends keyof Events>(
  name: K,
  handler: (this: Service, ctx: Context<Events[K], object, object, DeliveryHeaders>) => void | Promise<void>,
  group?: string
): Record<string, EventSchema> {
  return {
    [name]: { params: { ...EVENT_PARAMS[name] }, handler, ...(group === undefined ? {} : { group }) } as EventSchema
  }
}
