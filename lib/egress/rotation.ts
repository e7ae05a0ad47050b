import type { Egress } from './egress.ts'
import { EgressError } from './egress-error.ts'

/** What a request asks of the egress that shall carry it. */
export interface Wanted {
  origin: string
  /** Egresses that this request has been through already. */
  tried: ReadonlySet<Egress>
  /** Why the last attempt failed. */
  failure: EgressError | undefined
  /** Takes the request out of an egress's budget. @returns 0, or in how many milliseconds that may be possible. */
  reserve: (egress: Egress) => number
}

/** Hands out the egresses in turn, leaving out those that cannot carry the request now. */
export class Rotation {
  readonly #egresses: readonly Egress[]
  #cursor = 0

  constructor(egresses: readonly Egress[]) {
    this.#egresses = egresses
  }

  /** The next egress that may carry a request, one with a free connection first; or why there is none. */
  next({ origin, tried, failure, reserve }: Wanted): Egress | EgressError {
    const inTurn = [...this.#egresses.slice(this.#cursor), ...this.#egresses.slice(0, this.#cursor)]
    const enabled = inTurn.filter(({ direct, health }) => direct || health.state !== 'disabled')
    if (enabled.length === 0) return new EgressError('no_egress', 'every proxy is disabled')
    let candidates = enabled.filter(egress => !tried.has(egress))
    if (candidates.length === 0) {
      // A kept connection may have been closed by the other side just then; any other failure would only repeat itself.
      if (failure?.code !== 'reset') return failure ?? new EgressError('no_egress', 'every egress was tried')
      candidates = enabled
    }
    const healthy = candidates.filter(({ direct, health }) => direct || health.usable)
    // With none left, a cooling one is a better guess than no request at all: the one whose time is over first.
    const usable = healthy.length > 0 ? healthy : candidates.sort((a, b) => a.health.until - b.health.until)
    const free = usable.filter(egress => egress.free(origin))
    let waitMs = Number.POSITIVE_INFINITY
    for (const egress of new Set([...free, ...usable])) {
      const wait = reserve(egress)
      if (wait === 0) {
        this.#cursor = (egress.index + 1) % this.#egresses.length
        return egress
      }
      waitMs = Math.min(waitMs, wait)
    }
    const retryAfterMs = Math.ceil(waitMs)
    return new EgressError('throttled', `no egress is welcome at ${origin} for ${retryAfterMs} ms`, { retryAfterMs })
  }
}
