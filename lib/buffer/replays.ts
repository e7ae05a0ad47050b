import { Replay, type ReplayOptions, type ReplayState } from '../transport/replay.ts'

export interface ReplayReport extends ReplayState {
  id: number
}

/** Replays under way at once. */
const MAX_RUNNING = 4
/** Reports that are kept, of running and ended ones. */
const MAX_KEPT = 50

/** The replays of this process, by a number. */
export class Replays {
  readonly #replays = new Map<number, Replay>()
  #number = 0

  /** @returns its number, or undefined when as many as are allowed run already. */
  start(options: ReplayOptions): number | undefined {
    const running = [...this.#replays.values()].filter(({ state }) => isRunning(state))
    if (running.length >= MAX_RUNNING) return undefined
    this.#replays.set(++this.#number, new Replay(options))
    for (const [id, { state }] of this.#replays) {
      if (this.#replays.size <= MAX_KEPT) break
      if (!isRunning(state)) this.#replays.delete(id)
    }
    return this.#number
  }

  /** @returns false for a number that is not known. */
  stop(id: number): boolean {
    this.#replays.get(id)?.stop()
    return this.#replays.has(id)
  }

  reports(): ReplayReport[] {
    return [...this.#replays].map(([id, { state }]) => ({ id, ...state }))
  }

  /** Stops all and resolves when they have ended. Idempotent. */
  async close(): Promise<void> {
    for (const replay of this.#replays.values()) replay.stop()
    await Promise.all([...this.#replays.values()].map(({ done }) => done))
  }
}

function isRunning({ state }: ReplayState): boolean {
  return state === 'running' || state === 'waiting'
}
