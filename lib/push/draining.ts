import type { Clock } from './clock.ts'
import type { Session } from './session.ts'

/** Sends all clients of a gateway elsewhere, so that it can be stopped without anybody noticing. */
export class Draining {
  readonly #sessions: Iterable<Session>
  readonly #clock: Clock
  #cancelTimer: (() => void) | null = null

  constructor(sessions: Iterable<Session>, clock: Clock) {
    this.#sessions = sessions
    this.#clock = clock
  }

  get isUnderWay(): boolean {
    return this.#cancelTimer !== null
  }

  /**
   * Tells each client a time of its own before `inMs` are over; whoever is here then is closed.
   * @returns false for a second call, which changes nothing
   */
  begin(inMs: number): boolean {
    if (this.isUnderWay) return false
    for (const session of this.#sessions) session.announceDrain(inMs)
    this.#cancelTimer = this.#clock.after(inMs, () => {
      for (const session of this.#sessions) session.close('drain')
    })
    return true
  }

  /** Closes nobody any more. Clients that were told to leave may still do so. */
  cancel(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = null
  }
}
