import type { Outlet } from './member.ts'

/**
 * Where a playback's frames go. There is always room: a playback waits for it before it sends, and what it sends at once is bounded
 * by its instruments, so that nothing is left out and nobody is closed for being slow.
 */
export class PlaybackOutlet implements Outlet {
  readonly isOverloaded = false
  skippedTicks = 0
  /** Rows of updates that were sent. */
  rows = 0
  readonly #client: Outlet

  constructor(client: Outlet) {
    this.#client = client
  }

  get isOpen(): boolean {
    return this.#client.isOpen
  }

  hasRoom(): boolean {
    return true
  }

  write(frame: Buffer, rows: number): void {
    this.rows += rows
    this.#client.write(frame, rows)
  }

  send(message: Parameters<Outlet['send']>[0]): void {
    this.#client.send(message)
  }

  closeSlow(): void {
    this.#client.closeSlow()
  }
}
