import type { Service, ServiceSchema } from 'moleculer'

/** What is opened when a service starts and closed when it stops. `close` is idempotent. */
export interface Closable {
  close(): Promise<void>
}

/**
 * Opens one resource in `started`, as `this[key]`, and closes it in `stopped`. A failed open fails the service's start. Events and
 * actions come after `started`; a service's own `started` runs after its mixins', its own `stopped` before theirs.
 */
export function resource(key: string, open: (service: Service) => Promise<Closable>): Partial<ServiceSchema> {
  return {
    async started() {
      this[key] = await open(this as Service)
    },
    async stopped() {
      await this[key]?.close()
    }
  }
}
