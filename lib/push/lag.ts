import type { Session } from './session.ts'

/** How far behind the clients of a gateway are. */
export interface Lag {
  /** Of the client that is furthest behind; 0 where none was measured. */
  readonly slowestLagMs: number
  /** Clients further behind than they may be. */
  readonly lagging: number
}

export function lagOf(sessions: Iterable<Pick<Session, 'lagMs' | 'isLagging'>>): Lag {
  let slowestLagMs = 0
  let lagging = 0
  for (const session of sessions) {
    slowestLagMs = Math.max(slowestLagMs, session.lagMs ?? 0)
    if (session.isLagging) lagging++
  }
  return { slowestLagMs: Math.round(slowestLagMs), lagging }
}
