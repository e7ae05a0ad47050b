import type { Micros } from '../quote/quote.ts'
import type { Clock } from './clock.ts'
import type { Speed } from './playback-request.ts'

/** Tells when a moment of history is due. It may go faster or slower, and stand still while it is held. */
export class PlaybackClock {
  readonly #clock: Pick<Clock, 'nowMs'>
  #speed: Speed
  /** History was here at `#atMs`. */
  #from: Micros
  #atMs: number
  #isHeld = false

  /** It begins at `from`, held. */
  constructor(clock: Pick<Clock, 'nowMs'>, from: Micros, speed: Speed) {
    this.#clock = clock
    this.#from = from
    this.#speed = speed
    this.#atMs = clock.nowMs()
    this.#isHeld = true
  }

  get speed(): Speed {
    return this.#speed
  }

  /** Milliseconds until a moment is due: 0 when it is, null while history stands still. */
  delayMs(time: Micros): number | null {
    if (this.#isHeld) return null
    if (this.#speed === 'max') {
      // It is where it was looked for last.
      this.#from = Math.max(this.#from, time)
      return 0
    }
    const ahead = time - this.#now()
    if (ahead <= 0) return 0
    return this.#speed === 0 ? null : ahead / this.#speed / 1_000
  }

  /** Lets history stand still. Idempotent. */
  hold(): void {
    this.#settle()
    this.#isHeld = true
  }

  release(): void {
    this.#settle()
    this.#isHeld = false
  }

  change(speed: Speed): void {
    this.#settle()
    this.#speed = speed
  }

  #settle(): void {
    this.#from = this.#now()
    this.#atMs = this.#clock.nowMs()
  }

  #now(): Micros {
    if (this.#isHeld || this.#speed === 'max') return this.#from
    return this.#from + (this.#clock.nowMs() - this.#atMs) * 1_000 * this.#speed
  }
}
