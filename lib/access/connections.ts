import { AccessError } from './access-error.ts'
import { KeyedRate } from './keyed-rate.ts'

/** How many connections one gateway takes. Null is no limit. */
export interface ConnectionLimits {
  readonly total: number | null
  /** Open ones of one address, or of one IPv6 /64. */
  readonly perAddress: number | null
  /** New ones of one address per second, after a burst. */
  readonly connectsPerSecond: number | null
  readonly connectBurst: number
}

/** One connection's place, from its request until its end. */
export interface Place {
  /** Gives the connection to a user. @throws AccessError `connection_limit` when that user has `limit` already. */
  assign(user: string, limit: number | null): void
  /** Idempotent. */
  release(): void
}

const RETRY_FULL_MS = 1000
const RETRY_LIMIT_MS = 5000

/** Counts the open connections in total, by address and by user. As many entries as there are connections, at most. */
export class Connections {
  readonly #limits: ConnectionLimits
  readonly #rate: KeyedRate | null
  readonly #addresses = new Map<string, number>()
  readonly #users = new Map<string, number>()
  #total = 0

  constructor(limits: ConnectionLimits) {
    this.#limits = limits
    const { connectsPerSecond, connectBurst } = limits
    this.#rate = connectsPerSecond === null ? null : new KeyedRate(connectsPerSecond, connectBurst)
  }

  get total(): number {
    return this.#total
  }

  /** Takes a place for a connection. @throws AccessError `rate_limited`, `connection_limit` or `full`, each with when to try again. */
  enter(address: string, nowMs: number): Place {
    const { total, perAddress } = this.#limits
    const waitMs = this.#rate?.take(address, nowMs) ?? 0
    if (waitMs > 0) throw new AccessError('rate_limited', 'too many new connections of this address', waitMs)
    if (perAddress !== null && (this.#addresses.get(address) ?? 0) >= perAddress)
      throw refusal(`expected at most ${perAddress} connections of one address`)
    if (total !== null && this.#total >= total) throw new AccessError('full', 'too many connections', RETRY_FULL_MS)
    this.#total++
    add(this.#addresses, address, 1)
    return this.#place(address)
  }

  #place(address: string): Place {
    let owner: string | null = null
    let isOpen = true
    return {
      assign: (user, limit) => {
        if (!isOpen || owner === user) return
        if (limit !== null && (this.#users.get(user) ?? 0) >= limit)
          throw refusal(`expected at most ${limit} connections of one user`)
        if (owner !== null) add(this.#users, owner, -1)
        owner = user
        add(this.#users, user, 1)
      },
      release: () => {
        if (!isOpen) return
        isOpen = false
        this.#total--
        add(this.#addresses, address, -1)
        if (owner !== null) add(this.#users, owner, -1)
      }
    }
  }
}

function refusal(message: string): AccessError {
  return new AccessError('connection_limit', message, RETRY_LIMIT_MS)
}

function add(counts: Map<string, number>, name: string, change: number): void {
  const count = (counts.get(name) ?? 0) + change
  if (count === 0) counts.delete(name)
  else counts.set(name, count)
}
