import type { Clock } from './clock.ts'

/** Lets one playback work in each turn of the event loop, so that however many there are, live clients wait for one at most. */
export class PlaybackTurns {
  readonly #clock: Pick<Clock, 'defer'>
  /** At most one of each playback. */
  readonly #waiting: (() => void)[] = []

  constructor(clock: Pick<Clock, 'defer'>) {
    this.#clock = clock
  }

  /** Resolves when it is the caller's turn. */
  next(): Promise<void> {
    return new Promise(resolve => {
      this.#waiting.push(resolve)
      if (this.#waiting.length === 1) this.#clock.defer(this.#go)
    })
  }

  readonly #go = (): void => {
    this.#waiting.shift()?.()
    if (this.#waiting.length > 0) this.#clock.defer(this.#go)
  }
}
