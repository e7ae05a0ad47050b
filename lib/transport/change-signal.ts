import { within } from './within.ts'

/**
 * Counts changes and tells who listens. Who reads something takes the count before, so that a change between reading and waiting is
 * not missed.
 */
export class ChangeSignal {
  readonly #listeners = new Set<(reason: string) => void>()
  readonly #waiting = new Set<() => void>()
  #count = 0

  get count(): number {
    return this.#count
  }

  raise(reason: string): void {
    this.#count++
    for (const listener of this.#listeners) listener(reason)
    this.wake()
  }

  /** Ends waiting although nothing changed. */
  wake(): void {
    for (const resolve of this.#waiting) resolve()
  }

  /** @returns how to end that. */
  onChange(listener: (reason: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Resolves when there is a change behind a count, at once when there was one, or after the time. */
  async wait(count: number, timeoutMs: number): Promise<void> {
    if (count !== this.#count) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.add(resolve)
    await within(timeoutMs, promise)
    this.#waiting.delete(resolve)
  }
}
