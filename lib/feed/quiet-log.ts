/** The part of a logger that a feed uses: fields first, then the event. */
export interface Log {
  info(fields: object, event: string): void
  warn(fields: object, event: string): void
}

const INTERVAL_MS = 1_000

/** Warns at most once a second for each event; the line says how many were left out before it. Events are literals of the code. */
export class QuietLog {
  readonly #log: Log
  readonly #now: () => number
  readonly #events = new Map<string, { at: number; leftOut: number }>()

  /** @param now a monotonic clock in milliseconds. */
  constructor(log: Log, now: () => number = () => performance.now()) {
    this.#log = log
    this.#now = now
  }

  info(fields: object, event: string): void {
    this.#log.info(fields, event)
  }

  warn(fields: object, event: string): void {
    const now = this.#now()
    const last = this.#events.get(event)
    if (last !== undefined && now - last.at < INTERVAL_MS) {
      last.leftOut++
      return
    }
    this.#log.warn(last?.leftOut ? { ...fields, leftOut: last.leftOut } : fields, event)
    this.#events.set(event, { at: now, leftOut: 0 })
  }
}
