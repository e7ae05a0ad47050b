/** How a proxy's own transport fares, apart from any source. */
export type HealthState = 'ok' | 'cooling' | 'probing' | 'disabled'

export interface HealthOptions {
  /** Milliseconds on a clock that never jumps. */
  monotonicMs: () => number
  /** Uniform in [0, 1). */
  random: () => number
}

const FIRST_COOLING_MS = 5_000
const LONGEST_COOLING_MS = 300_000

/**
 * The breaker of one proxy. A fault takes it out of the rotation for 5 s, doubling up to 5 minutes while it goes on
 * failing (with jitter, so that many do not come back together); then one request at a time probes it. A success clears
 * everything. A rejected credential disables it for good.
 */
export class Health {
  readonly #options: HealthOptions
  #state: HealthState = 'ok'
  /** Half faults that no success has cleared yet. */
  #halves = 0
  #coolings = 0
  #until = 0

  constructor(options: HealthOptions) {
    this.#options = options
  }

  get state(): HealthState {
    return this.#state
  }

  /** When a cooling proxy may be tried again; 0 for one that may be used now, infinite for one that never may. */
  get until(): number {
    if (this.#state === 'disabled') return Number.POSITIVE_INFINITY
    return this.#state === 'cooling' ? this.#until : 0
  }

  /** Whether a request may leave through it now: it is healthy, or its time is over and nobody is probing it. */
  get usable(): boolean {
    return this.#state === 'ok' || (this.#state === 'cooling' && this.#options.monotonicMs() >= this.#until)
  }

  /** A request is about to leave through it. */
  begin(): void {
    if (this.#state === 'cooling') this.#state = 'probing'
  }

  succeed(): void {
    if (this.#state === 'disabled') return
    this.#state = 'ok'
    this.#halves = 0
    this.#coolings = 0
  }

  /** The request said nothing about the proxy: a probe has to be repeated. */
  unknown(): void {
    if (this.#state === 'probing') this.#state = 'cooling'
  }

  fault(): void {
    // Requests that were under way when the first one failed are part of the same fault.
    if (this.#state === 'disabled' || this.#state === 'cooling') return
    const coolingMs = Math.min(LONGEST_COOLING_MS, FIRST_COOLING_MS * 2 ** this.#coolings)
    this.#coolings = Math.min(this.#coolings + 1, 16)
    this.#halves = 0
    this.#until = this.#options.monotonicMs() + coolingMs * (0.75 + this.#options.random() / 2)
    this.#state = 'cooling'
  }

  halfFault(): void {
    this.#halves++
    if (this.#halves > 1 || this.#state === 'probing') this.fault()
  }

  disable(): void {
    this.#state = 'disabled'
  }
}
