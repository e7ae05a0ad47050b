/** The limits of an address, and what happens beyond them. */
export interface Limits {
  /** Weight per minute. */
  requestWeight: number
  /** Requests per five minutes. */
  rawRequests: number
  /** So many requests are answered 429 in one minute; the next is a ban. */
  throttledBeforeBan: number
  /** The first ban; each further one is twice as long. */
  firstBanMs: number
  maxBanMs: number
}

export const LIMITS = {
  requestWeight: 6_000,
  rawRequests: 61_000,
  throttledBeforeBan: 10,
  firstBanMs: 2 * 60_000,
  maxBanMs: 3 * 24 * 3_600_000
} as const satisfies Limits

export type Charge =
  | { kind: 'served'; used: number }
  | { kind: 'throttled'; used: number; retryAfterMs: number; limit: 'requestWeight' | 'rawRequests' }
  | { kind: 'banned'; used: number; retryAfterMs: number; until: number }

interface Account {
  minute: number
  weight: number
  throttled: number
  fiveMinutes: number
  requests: number
  bannedUntil: number
  bans: number
}

const MINUTE_MS = 60_000
const FIVE_MINUTES_MS = 300_000
/** Addresses remembered; beyond it the one that came first is forgotten. */
const MAX_PEERS = 10_000

/** Weighs requests per peer address in windows aligned to the clock. */
export class WeightMeter {
  readonly #limits: Limits
  readonly #now: () => number
  readonly #accounts = new Map<string, Account>()

  constructor(limits: Limits, now: () => number) {
    this.#limits = limits
    this.#now = now
  }

  /** Counts a request, whatever becomes of it. */
  charge(peer: string, weight: number): Charge {
    const now = this.#now()
    const account = this.#accountOf(peer, now)
    account.weight += weight
    account.requests++
    const used = account.weight
    if (account.bannedUntil > now) return this.#banned(account, now)
    const limit = this.#exceeded(account)
    if (limit === undefined) return { kind: 'served', used }
    account.throttled++
    if (account.throttled > this.#limits.throttledBeforeBan) {
      const { firstBanMs, maxBanMs } = this.#limits
      account.bannedUntil = now + Math.min(maxBanMs, firstBanMs * 2 ** account.bans)
      account.bans++
      account.throttled = 0
      return this.#banned(account, now)
    }
    const windowMs = limit === 'requestWeight' ? MINUTE_MS : FIVE_MINUTES_MS
    return { kind: 'throttled', used, retryAfterMs: windowMs - (now % windowMs), limit }
  }

  #exceeded({ weight, requests }: Account): 'requestWeight' | 'rawRequests' | undefined {
    if (weight > this.#limits.requestWeight) return 'requestWeight'
    return requests > this.#limits.rawRequests ? 'rawRequests' : undefined
  }

  #banned({ weight, bannedUntil }: Account, now: number): Charge {
    return { kind: 'banned', used: weight, retryAfterMs: bannedUntil - now, until: bannedUntil }
  }

  #accountOf(peer: string, now: number): Account {
    const minute = Math.floor(now / MINUTE_MS)
    const fiveMinutes = Math.floor(now / FIVE_MINUTES_MS)
    let account = this.#accounts.get(peer)
    if (account === undefined) {
      account = { minute, weight: 0, throttled: 0, fiveMinutes, requests: 0, bannedUntil: 0, bans: 0 }
      const [oldest] = this.#accounts.keys()
      if (this.#accounts.size >= MAX_PEERS && oldest !== undefined) this.#accounts.delete(oldest)
      this.#accounts.set(peer, account)
    }
    if (account.minute !== minute) Object.assign(account, { minute, weight: 0, throttled: 0 })
    if (account.fiveMinutes !== fiveMinutes) Object.assign(account, { fiveMinutes, requests: 0 })
    return account
  }
}
