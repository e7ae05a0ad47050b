import { setTimeout as delay } from 'node:timers/promises'
import type { Service, ServiceSchema } from 'moleculer'

/** What is opened when a service starts and closed when it stops. `close` is idempotent. */
export interface Closable {
  close(): Promise<void>
}

/** The pause before a server that is away is tried again: doubled every time, up to the cap. */
const FIRST_PAUSE_MS = 100
const PAUSE_CAP_MS = 2_000

/**
 * Opens one resource in `started`, as `this[key]`, and closes it in `stopped`. Events and actions come after `started`; a service's
 * own `started` runs after its mixins', its own `stopped` before theirs.
 *
 * A server that is away now, which its error tells by `isAway`, is waited for, as it is when it goes away later; any other failure
 * fails the service's start.
 */
export function resource(key: string, open: (service: Service) => Promise<Closable>): Partial<ServiceSchema> {
  let stopping: AbortController | undefined
  return {
    async started() {
      stopping = new AbortController()
      this[key] = await openWhenThere(this as Service, () => open(this as Service), stopping.signal)
    },
    async stopped() {
      stopping?.abort()
      await this[key]?.close()
    }
  }
}

async function openWhenThere(
  { name, logger }: Service,
  open: () => Promise<Closable>,
  signal: AbortSignal
): Promise<Closable> {
  for (let attempt = 1; ; attempt++) {
    try {
      const opened = await open()
      if (signal.aborted) {
        await opened.close()
        throw new Error(`${name}: stopped while it started`)
      }
      if (attempt > 1) logger.info(`${name}.back`)
      return opened
    } catch (error) {
      if (!isAway(error) || signal.aborted) throw error
      // Told again and again, less and less often.
      if (Number.isInteger(Math.log2(attempt))) logger.warn(`${name}.away: it cannot start yet: ${error.message}`)
      const pauseMs = Math.min(PAUSE_CAP_MS, FIRST_PAUSE_MS * 2 ** (attempt - 1))
      await delay(pauseMs, undefined, { signal }).catch(() => {
        throw error
      })
    }
  }
}

function isAway(error: unknown): error is Error {
  return error instanceof Error && 'isAway' in error && error.isAway === true
}
