import type { Clock } from './clock.ts'
import type { PushLimits } from './limits.ts'
import type { PushCounters } from './push-counters.ts'
import type { Session } from './session.ts'
import type { SessionStore } from './session-store.ts'

/** How often within the time for which a session may be resumed its connection says that it lives. */
const KEEPS_PER_WINDOW = 4

export interface SessionKeeperDeps {
  readonly store: SessionStore
  /** The live ones. */
  readonly sessions: Iterable<Session>
  readonly clock: Clock
  readonly limits: PushLimits
  readonly counters: PushCounters
}

/** Keeps sessions for another connection. A store that is away costs them that, and nothing else. */
export class SessionKeeper {
  readonly #deps: SessionKeeperDeps
  #cancel: () => void = () => {}

  constructor(deps: SessionKeeperDeps) {
    this.#deps = deps
  }

  save(session: Session): void {
    const { store, counters } = this.#deps
    store.save(session.stored).catch(() => counters.sessionsUnsaved++)
  }

  /** Keeps the live sessions until `close`, so that their time counts from their end. */
  start(): void {
    const { store, sessions, clock, limits, counters } = this.#deps
    const ids: string[] = []
    for (const { id, subscriptions } of sessions) if (subscriptions.size > 0) ids.push(id)
    if (ids.length > 0) store.touch(ids).catch(() => counters.sessionsUnsaved++)
    this.#cancel = clock.after(limits.resumeWindowMs / KEEPS_PER_WINDOW, () => this.start())
  }

  close(): void {
    this.#cancel()
  }
}
