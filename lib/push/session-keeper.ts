import type { Clock } from './clock.ts'
import type { FixedLimits } from './live-limits.ts'
import type { PushCounters } from './push-counters.ts'
import type { Session } from './session.ts'
import type { SessionStore } from './session-store.ts'

/** How often within the time for which a session may be resumed its connection says that it lives. */
const KEEPS_PER_WINDOW = 4
const MAX_KEYS = 5_000

export interface SessionKeeperDeps {
  readonly store: SessionStore
  /** The live ones. */
  readonly sessions: Iterable<Session>
  readonly clock: Clock
  readonly limits: FixedLimits
  readonly counters: PushCounters
}

/** Keeps sessions for another connection. A store that is away costs them that, and nothing else. */
export class SessionKeeper {
  readonly #deps: SessionKeeperDeps
  #cancel: () => void = () => {}

  constructor(deps: SessionKeeperDeps) {
    this.#deps = deps
  }

  /** A session of more keys is not kept: its client subscribes again, with `since`. Of playbacks nothing is kept. */
  save(session: Session): void {
    const { stored } = session
    if (stored.subscriptions.reduce((sum, { keys }) => sum + keys.length, 0) > MAX_KEYS) return
    this.#deps.store.save(stored).catch(this.#onFailure)
  }

  /** Keeps the live sessions until `close`, and saves those that the store does not have. */
  start(): void {
    const { sessions, clock, limits } = this.#deps
    this.#touch([...sessions])
    this.#cancel = clock.after(limits.resumeWindowMs / KEEPS_PER_WINDOW, () => this.start())
  }

  /** The connection has ended: the time for which it may be resumed begins. */
  end(session: Session): void {
    this.#touch([session])
  }

  close(): void {
    this.#cancel()
  }

  #touch(sessions: readonly Session[]): void {
    const kept = new Map(sessions.flatMap(one => (one.subscriptions.size > 0 ? [[one.id, one] as const] : [])))
    if (kept.size === 0) return
    this.#deps.store.touch([...kept.keys()]).then(missing => {
      for (const id of missing) {
        const session = kept.get(id)
        if (session !== undefined && session.subscriptions.size > 0) this.save(session)
      }
    }, this.#onFailure)
  }

  readonly #onFailure = (): void => {
    this.#deps.counters.sessionsUnsaved++
  }
}
