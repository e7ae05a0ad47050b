import type { Clock } from './clock.ts'
import { SharedMessage } from './encoding.ts'
import type { PushCounters } from './push-counters.ts'
import type { Session } from './session.ts'
import type { Stretch } from './stretch.ts'

/** How often per heartbeat interval every connection is looked at. */
const LOOKS = 4

/**
 * One timer for all connections: sends `hb` to those that got nothing else for `heartbeatMs`, and inspects their health. A
 * heartbeat comes at most a quarter of the interval late.
 */
export class Heartbeat {
  readonly #clock: Clock
  readonly #heartbeatMs: number
  readonly #sessions: Iterable<Session>
  readonly #counters: PushCounters
  readonly #stretch: Stretch
  /** Whether positions may be told; not while the board is loaded for another epoch. */
  readonly #hasPositions: () => boolean
  /** Told after each look at all connections. */
  readonly #onLook: (nowMs: number) => void
  #cancel: (() => void) | null = null

  constructor(deps: {
    clock: Clock
    heartbeatMs: number
    sessions: Iterable<Session>
    counters: PushCounters
    stretch: Stretch
    hasPositions: () => boolean
    onLook: (nowMs: number) => void
  }) {
    this.#clock = deps.clock
    this.#heartbeatMs = deps.heartbeatMs
    this.#sessions = deps.sessions
    this.#counters = deps.counters
    this.#stretch = deps.stretch
    this.#hasPositions = deps.hasPositions
    this.#onLook = deps.onLook
  }

  start(): void {
    const intervalMs = this.#heartbeatMs / LOOKS
    const dueMs = this.#clock.nowMs() + intervalMs
    this.#cancel = this.#clock.after(intervalMs, () => {
      this.#look(Math.max(0, this.#clock.nowMs() - dueMs))
      this.start()
    })
  }

  close(): void {
    this.#cancel?.()
    this.#cancel = null
  }

  /** @param lateMs for so long the event loop was busy with other things */
  #look(lateMs: number): void {
    const nowMs = this.#clock.nowMs()
    const time = this.#clock.nowMicros()
    // Clients take longer silence for a dead connection.
    const quietMs = this.#heartbeatMs * Math.min(2, this.#stretch.factor)
    // Clients with the same subscriptions and positions share the frame.
    const beats = new Map<string, SharedMessage>()
    for (const session of this.#sessions) {
      session.inspect(nowMs, lateMs)
      if (nowMs - session.lastWriteMs < quietMs || session.isBehind || !session.isOpen) continue
      const pos = this.#hasPositions() ? positionsOf(session) : []
      const name = JSON.stringify(pos)
      const beat = beats.get(name) ?? new SharedMessage({ type: 'hb', time, pos })
      beats.set(name, beat)
      session.write(beat.frame(session.encoding), 0)
      this.#counters.heartbeats++
    }
    this.#onLook(nowMs)
  }
}

/** A subscription that gets snapshots only has no position. */
function positionsOf(session: Session): { sid: string; q: number }[] {
  const positions: { sid: string; q: number }[] = []
  for (const { group, member } of session.subscriptions.values())
    if (group.signature.mode !== 'latest') positions.push({ sid: group.sid, q: member.safePosition })
  return positions
}
