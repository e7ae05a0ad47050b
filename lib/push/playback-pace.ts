import type { Micros } from '../quote/quote.ts'
import type { Clock } from './clock.ts'
import { PlaybackClock } from './playback-clock.ts'
import type { PlaybackInfo, Speed } from './playback-request.ts'

/** Timers cannot be set for longer than this; slow motion may ask for it. */
const LONGEST_WAIT_MS = 3_600_000

export interface PlaybackPaceDeps {
  readonly clock: Clock
  /** Ends every wait. */
  readonly signal: AbortSignal
  /** Whether the client has taken what was sent before, so that more may be sent. */
  hasRoom(): boolean
}

/** Lets a playback wait: for its time, for its client, for what it reads. Every wait rejects when the playback is ended. */
export class PlaybackPace {
  readonly #deps: PlaybackPaceDeps
  readonly #history: PlaybackClock
  #wake: () => void = () => {}

  /** History stands still until there is something to wait for. */
  constructor({ from, speed }: PlaybackInfo, deps: PlaybackPaceDeps) {
    this.#deps = deps
    this.#history = new PlaybackClock(deps.clock, from, speed)
    deps.signal.addEventListener('abort', () => this.wake())
  }

  get speed(): Speed {
    return this.#history.speed
  }

  set speed(speed: Speed) {
    this.#history.change(speed)
    this.wake()
  }

  /** Whatever is waited for may have come: there may be room now. */
  wake(): void {
    this.#wake()
  }

  isDue(time: Micros): boolean {
    return this.#history.delayMs(time) === 0
  }

  /** Waits until a moment of history is due. */
  async reach(time: Micros): Promise<void> {
    for (;;) {
      this.#deps.signal.throwIfAborted()
      const delayMs = this.#history.delayMs(time)
      if (delayMs === 0) return
      await this.#sleep(delayMs)
    }
  }

  /** Waits until more may be sent. */
  async room(): Promise<void> {
    if (this.#deps.hasRoom()) return
    await this.standing(async () => {
      while (!this.#deps.hasRoom()) {
        await this.#sleep(null)
        this.#deps.signal.throwIfAborted()
      }
    })
  }

  /** Lets history stand still for as long as something takes. */
  async standing<T>(work: () => Promise<T>): Promise<T> {
    this.#history.hold()
    const result = await work()
    this.#deps.signal.throwIfAborted()
    this.#history.release()
    return result
  }

  /** @param delayMs null until it is woken */
  #sleep(delayMs: number | null): Promise<void> {
    return new Promise(resolve => {
      const cancel = delayMs === null ? () => {} : this.#deps.clock.after(Math.min(delayMs, LONGEST_WAIT_MS), resolve)
      this.#wake = () => {
        cancel()
        resolve()
      }
    })
  }
}
