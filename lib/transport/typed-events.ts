import type { Context, EventSchema, Service } from 'moleculer'
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

/** The handler of an event as a service gets it, with what the transporter tells about its delivery. */
export type EventHandler<P> = (this: Service, ctx: Context<P, object, object, DeliveryHeaders>) => void | Promise<void>

/** Events bound to their names, payload types and schemas, so that a typo or a wrong payload is a compile error. */
export interface TypedEvents<E extends object> {
  /**
   * Publishes a durable event. Resolves when the stream has stored it, rejects when that could not be confirmed; the same
   * `messageId` may then be published again.
   */
  publish<K extends keyof E & string>(to: Emitter, name: K, payload: E[K], messageId?: string): Promise<void>
  /** Sends a plain event to every node that listens. At most once: a node that is not there now never gets it. */
  announce<K extends keyof E & string>(to: Emitter, name: K, payload: E[K]): Promise<void>
  /** The entry of a service's `events` for one event, its schema included. */
  on<K extends keyof E & string>(name: K, handler: EventHandler<E[K]>, group?: string): Record<string, EventSchema>
}

/** @param params Schemas of the payloads, in the notation of Moleculer's validator. */
export function typedEvents<E extends object>(
  params: Readonly<Record<keyof E & string, Record<string, unknown>>>
): TypedEvents<E> {
  return {
    async publish(to, name, payload, messageId) {
      const headers = messageId === undefined ? undefined : { [MESSAGE_ID_HEADER]: messageId }
      await to.emit(name, payload, { throwError: true, headers })
    },
    async announce(to, name, payload) {
      await to.broadcast(name, payload, { throwError: true })
    },
    on: (name, handler, group) => ({
      [name]: { params: { ...params[name] }, handler, ...(group === undefined ? {} : { group }) } as EventSchema
    })
  }
}
