import type { SessionStore, StoredSession } from './session-store.ts'

/** Sessions kept at most; the one that was touched longest ago makes room. */
const MAX_SESSIONS = 100_000

/** Sessions in this process, gone with it. */
export class MemorySessions implements SessionStore {
  readonly #windowMs: number
  readonly #nowMs: () => number
  /** The one touched longest ago first. */
  readonly #sessions = new Map<string, { session: StoredSession; untilMs: number }>()

  constructor(windowMs: number, nowMs: () => number) {
    this.#windowMs = windowMs
    this.#nowMs = nowMs
  }

  async save(session: StoredSession): Promise<void> {
    this.#sessions.delete(session.id)
    this.#forgetOld()
    this.#sessions.set(session.id, { session, untilMs: this.#nowMs() + this.#windowMs })
  }

  async touch(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      const held = this.#sessions.get(id)
      if (held !== undefined) await this.save(held.session)
    }
  }

  async take(id: string, tokenHash: string): Promise<StoredSession | undefined> {
    this.#forgetOld()
    const held = this.#sessions.get(id)
    if (held?.session.tokenHash !== tokenHash) return undefined
    this.#sessions.delete(id)
    return held.session
  }

  async close(): Promise<void> {
    this.#sessions.clear()
  }

  #forgetOld(): void {
    const nowMs = this.#nowMs()
    for (const [id, { untilMs }] of this.#sessions) {
      if (untilMs > nowMs && this.#sessions.size < MAX_SESSIONS) return
      this.#sessions.delete(id)
    }
  }
}
