import type { PushLimits } from './limits.ts'
import type { LimitChange, LiveLimits } from './live-limits.ts'
import type { PushCounters } from './push-counters.ts'
import { rightsOf } from './rights.ts'
import type { Session } from './session.ts'
import { detailsOf, type SessionDetails, type SessionSummary, summaryOf } from './session-view.ts'

/** Sessions in one answer at most. */
export const MAX_SESSIONS = 500

export interface AdministrationDeps {
  readonly sessions: ReadonlySet<Session>
  readonly board: { readonly epoch: string; readonly position: number }
  readonly limits: LiveLimits
  readonly counters: PushCounters
}

/** Which sessions: those that meet all of what is given. */
export interface SessionQuery {
  user?: string
  address?: string
  plan?: string
  /** That have this subscription. */
  sid?: string
  /** The `serial` behind which the page begins. */
  after?: number
  limit: number
}

export interface SessionPage {
  /** Sessions of this gateway. */
  total: number
  /** Those that meet the query, whatever the page. */
  matched: number
  sessions: SessionSummary[]
  /** Where the next page begins; null at the end. */
  next: number | null
}

/** Whom to close: one session, or all of a user. */
export type KickTarget = { session: string } | { user: string }

/** What whoever runs a gateway may see and do of its sessions and limits. */
export class Administration {
  readonly #deps: AdministrationDeps

  constructor(deps: AdministrationDeps) {
    this.#deps = deps
  }

  /** Sessions in the order of their coming. */
  list({ after = 0, limit, ...filter }: SessionQuery): SessionPage {
    const { sessions } = this.#deps
    const page: SessionSummary[] = []
    let [matched, hasMore] = [0, false]
    for (const session of sessions) {
      if (!meets(session, filter)) continue
      matched++
      if (session.origin.serial <= after) continue
      if (page.length < Math.min(limit, MAX_SESSIONS)) page.push(summaryOf(session))
      else hasMore = true
    }
    return { total: sessions.size, matched, sessions: page, next: hasMore ? (page.at(-1)?.serial ?? after) : null }
  }

  /** Undefined when there is no such session here. */
  inspect(id: string): SessionDetails | undefined {
    const session = this.#find(id)
    return session && detailsOf(session, this.#deps.board)
  }

  /**
   * Closes sessions: for good, or with the advice to come back later. That is no ban: who may log in may connect anew.
   * @returns the ids of those that were closed
   */
  kick(target: KickTarget, mayComeBack: boolean): string[] {
    const { sessions, counters } = this.#deps
    const kicked = [...sessions].filter(
      session =>
        session.isOpen &&
        ('session' in target ? session.id === target.session : session.rights.identity?.user === target.user)
    )
    for (const session of kicked) session.close(mayComeBack ? 'overloaded' : 'forbidden')
    counters.closedKicked += kicked.length
    return kicked.map(({ id }) => id)
  }

  get limits(): PushLimits {
    return this.#deps.limits.current
  }

  /**
   * Changes limits until the next start. They hold for what is asked from then on, and for how much may be unsent at once; nobody loses
   * what they have.
   * @throws LimitError
   */
  changeLimits(changes: Readonly<Record<string, unknown>>): LimitChange[] {
    const changed = this.#deps.limits.change(changes)
    if (changed.length === 0) return changed
    for (const session of this.#deps.sessions) session.grant(rightsOf(session.rights.identity, this.limits))
    return changed
  }

  #find(id: string): Session | undefined {
    for (const session of this.#deps.sessions) if (session.id === id) return session
    return undefined
  }
}

function meets(
  { rights, origin, subscriptions }: Session,
  { user, address, plan, sid }: Omit<SessionQuery, 'after' | 'limit'>
): boolean {
  return (
    (user === undefined || rights.identity?.user === user) &&
    (plan === undefined || rights.identity?.plan.name === plan) &&
    (address === undefined || origin.address === address) &&
    (sid === undefined || subscriptions.has(sid))
  )
}
