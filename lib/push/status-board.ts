import type { SourceStatus } from '../quote/events.ts'
import { SharedMessage } from './encoding.ts'
import type { ServerMessage } from './protocol.ts'
import type { PushCounters } from './push-counters.ts'
import type { Rights } from './rights.ts'
import type { Session } from './session.ts'

/** Instruments and sources whose state is kept for clients that come later, at most. */
const MAX_STATUSES = 10_000

/** How sources and instruments are doing, for clients that are here and those that come while it lasts. */
export class StatusBoard {
  readonly #sessions: Iterable<Session>
  readonly #counters: PushCounters
  /** By scope and id: those that are not ok. */
  readonly #statuses = new Map<string, SourceStatus>()

  constructor(sessions: Iterable<Session>, counters: PushCounters) {
    this.#sessions = sessions
    this.#counters = counters
  }

  /** The sources and instruments that are not ok now. */
  get all(): SourceStatus[] {
    return [...this.#statuses.values()]
  }

  /** Tells all who may see it. */
  set(status: SourceStatus): void {
    const name = `${status.scope} ${status.id}`
    this.#statuses.delete(name)
    if (status.state !== 'ok' && this.#statuses.size < MAX_STATUSES) this.#statuses.set(name, status)
    const message = new SharedMessage(messageOf(status))
    for (const session of this.#sessions) {
      if (!maySee(session.rights, status)) continue
      const frame = message.frame(session.encoding)
      if (session.hasRoom(frame.length)) session.write(frame, 0)
      else this.#counters.statusesSkipped++
    }
  }

  /** Tells one session all that it may see. */
  tell(session: Session): void {
    for (const status of this.#statuses.values()) if (maySee(session.rights, status)) session.send(messageOf(status))
  }
}

/** How sources do is told to everybody who has logged in, how an instrument does to those who may see it. */
function maySee({ identity, entitlement }: Rights, { scope, id }: SourceStatus): boolean {
  return identity !== null && (scope === 'source' || entitlement.allows(id))
}

function messageOf({ scope, id, state, since }: SourceStatus): Extract<ServerMessage, { type: 'status' }> {
  return { type: 'status', scope, id, state, since }
}
