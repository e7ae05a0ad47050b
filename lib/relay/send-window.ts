/** Bounds the messages that wait for a confirmation, and stops while the connection's buffer is full. Who waits comes in turn. */
export class SendWindow {
  #free: number
  #writable = true
  #closed = false
  readonly #waiting: (() => void)[] = []

  constructor(size: number) {
    this.#free = size
  }

  /** Takes a place now, or says that there is none: then `enter`. Nobody overtakes who waits. */
  tryEnter(): boolean {
    if (this.#closed || !this.#writable || this.#free === 0 || this.#waiting.length > 0) return false
    this.#free--
    return true
  }

  /** Waits for a place. @returns false when the window was closed. */
  async enter(): Promise<boolean> {
    if (this.tryEnter()) return true
    if (this.#closed) return false
    await new Promise<void>(resolve => this.#waiting.push(resolve))
    return !this.#closed
  }

  /** Gives a place back. */
  leave(): void {
    this.#free++
    this.#admit()
  }

  /** While it is not writable nobody enters. */
  setWritable(writable: boolean): void {
    this.#writable = writable
    this.#admit()
  }

  /** Nobody enters any more; who waits is told. Idempotent. */
  close(): void {
    this.#closed = true
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  #admit(): void {
    while (this.#writable && this.#free > 0) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      this.#free--
      next()
    }
  }
}
