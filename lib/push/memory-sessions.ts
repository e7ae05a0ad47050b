import type { SessionStore, StoredSession } from './session-store.ts'

/** Sessions kept at most, and keys and patterns in all of them; the one that was touched longest ago makes room. */
const MAX_SESSIONS = 100_000
const MAX_NAMES = 1_000_000

/** Sessions in this process, gone with it. */
export class MemorySessions implements SessionStore {
  readonly #windowMs: number
  readonly #nowMs: () => number
  /** The one touched longest ago first. */
  readonly #sessions = new Map<string, { session: StoredSession; names: number; untilMs: number }>()
  #names = 0

  constructor(windowMs: number, nowMs: () => number) {
    this.#windowMs = windowMs
    this.#nowMs = nowMs
  }

  async save(session: StoredSession): Promise<void> {
    this.#forget(session.id)
    const names = session.subscriptions.reduce((sum, { keys, patterns }) => sum + keys.length + patterns.length, 0)
    this.#names += names
    this.#sessions.set(session.id, { session, names, untilMs: this.#nowMs() + this.#windowMs })
    this.#forgetOld()
  }

  async touch(ids: readonly string[]): Promise<string[]> {
    this.#forgetOld()
    const missing: string[] = []
    for (const id of ids) {
      const held = this.#sessions.get(id)
      if (held === undefined) missing.push(id)
      else await this.save(held.session)
    }
    return missing
  }

  async take(id: string, tokenHash: string): Promise<StoredSession | undefined> {
    this.#forgetOld()
    const held = this.#sessions.get(id)
    if (held?.session.tokenHash !== tokenHash) return undefined
    this.#forget(id)
    return held.session
  }

  async close(): Promise<void> {
    this.#sessions.clear()
    this.#names = 0
  }

  #forgetOld(): void {
    const nowMs = this.#nowMs()
    for (const [id, { untilMs }] of this.#sessions) {
      if (untilMs > nowMs && this.#sessions.size <= MAX_SESSIONS && this.#names <= MAX_NAMES) return
      this.#forget(id)
    }
  }

  #forget(id: string): void {
    this.#names -= this.#sessions.get(id)?.names ?? 0
    this.#sessions.delete(id)
  }
}
