/** A published limit of a source, counted per egress address in windows aligned to the clock. */
export interface Limit {
  name: string
  limit: number
  windowMs: number
  /** The response header that tells the use so far, in lower case. */
  usedHeader?: string
}

type Headers = Readonly<Record<string, string | string[] | undefined>>

interface Account {
  /** By the limit's name. */
  windows: Map<string, { start: number; used: number }>
  /** Epoch milliseconds until which the source does not want to hear from this address. */
  until: number
  /** Refusals by a firewall in a row. */
  forbidden: number
}

/** The part of a limit that is used; the rest is for clocks that differ and for others behind the same address. */
const SHARE = 0.85

const BAN_MS = 120_000
const FORBIDDEN_MS = 600_000
const UNAVAILABLE_MS = 86_400_000
const LONGEST_MS = 86_400_000

/**
 * What each egress address has used of each source's limits, and where it is not welcome for now. Own requests are
 * counted before they are sent; the venue's header corrects the count upwards, so that other users of the address are
 * seen as well. Bounded by sources times egresses. Times are epoch milliseconds, because the venues' windows follow the
 * wall clock.
 */
export class BudgetBook {
  readonly #accounts = new Map<string, Account>()

  /**
   * Takes `cost` out of the current windows.
   * @returns 0, or in how many milliseconds it may be possible; then nothing is taken.
   */
  reserve(
    source: string,
    egress: string,
    limits: readonly Limit[],
    cost: Readonly<Record<string, number>>,
    nowMs: number
  ): number {
    const account = this.#account(source, egress)
    if (account.until > nowMs) return account.until - nowMs
    let waitMs = 0
    for (const limit of limits) {
      const window = currentWindow(account, limit, nowMs)
      if (window.used + (cost[limit.name] ?? 0) > limit.limit * SHARE) {
        waitMs = Math.max(waitMs, window.start + limit.windowMs - nowMs)
      }
    }
    if (waitMs > 0) return waitMs
    for (const limit of limits) currentWindow(account, limit, nowMs).used += cost[limit.name] ?? 0
    return 0
  }

  /**
   * Reads the venue's own count from a response. A count of a window that has ended meanwhile says nothing about the
   * current one.
   */
  settle(
    source: string,
    egress: string,
    limits: readonly Limit[],
    headers: Headers,
    sentMs: number,
    nowMs: number
  ): void {
    const account = this.#account(source, egress)
    for (const limit of limits) {
      const used = limit.usedHeader === undefined ? Number.NaN : Number(headers[limit.usedHeader])
      if (!Number.isFinite(used) || windowStart(sentMs, limit) !== windowStart(nowMs, limit)) continue
      const window = currentWindow(account, limit, nowMs)
      window.used = Math.max(window.used, used)
    }
  }

  /**
   * Notes what a status says about an address: 429 cools until `Retry-After` or the window's end, 418 until
   * `Retry-After` or for 2 minutes, 403 for 10 minutes tripling, 451 for a day.
   * @returns whether the address is not welcome for now.
   */
  observe(
    source: string,
    egress: string,
    limits: readonly Limit[],
    status: number,
    headers: Headers,
    nowMs: number
  ): boolean {
    const account = this.#account(source, egress)
    if (status !== 429 && status !== 418 && status !== 403 && status !== 451) {
      if (status < 400) account.forbidden = 0
      return false
    }
    const retryAfterMs = readRetryAfter(headers['retry-after'], nowMs)
    if (status === 403) {
      this.cool(source, egress, retryAfterMs ?? FORBIDDEN_MS * 3 ** account.forbidden, nowMs)
      account.forbidden = Math.min(account.forbidden + 1, 8)
    } else if (status === 451) {
      this.cool(source, egress, UNAVAILABLE_MS, nowMs)
    } else {
      const otherwise = status === 418 ? BAN_MS : untilWindowEnds(limits, nowMs)
      this.cool(source, egress, retryAfterMs ?? otherwise, nowMs)
    }
    return true
  }

  /** Leaves an address alone for a while; never shortens what is in force. At most a day. */
  cool(source: string, egress: string, forMs: number, nowMs: number): void {
    const account = this.#account(source, egress)
    account.until = Math.max(account.until, nowMs + Math.min(Math.max(forMs, 0), LONGEST_MS))
  }

  /** The sources for which an egress cools now, with the remaining milliseconds. */
  cooling(egress: string, nowMs: number): Record<string, number> {
    const found: Record<string, number> = {}
    for (const [name, { until }] of this.#accounts) {
      const [source = '', id] = name.split(SEPARATOR)
      if (id === egress && until > nowMs) found[source] = Math.ceil(until - nowMs)
    }
    return found
  }

  #account(source: string, egress: string): Account {
    const name = `${source}${SEPARATOR}${egress}`
    let account = this.#accounts.get(name)
    if (account === undefined) {
      account = { windows: new Map(), until: 0, forbidden: 0 }
      this.#accounts.set(name, account)
    }
    return account
  }
}

/** Not part of a source's name or an egress's identity. */
const SEPARATOR = '\n'

function windowStart(nowMs: number, { windowMs }: Limit): number {
  return Math.floor(nowMs / windowMs) * windowMs
}

function currentWindow(account: Account, limit: Limit, nowMs: number): { start: number; used: number } {
  const start = windowStart(nowMs, limit)
  const held = account.windows.get(limit.name)
  if (held?.start === start) return held
  const window = { start, used: 0 }
  account.windows.set(limit.name, window)
  return window
}

/** Without any limit known, a minute: the window that most venues count in. */
function untilWindowEnds(limits: readonly Limit[], nowMs: number): number {
  const windows = limits.length === 0 ? [60_000] : limits.map(({ windowMs }) => windowMs)
  return Math.max(...windows.map(windowMs => windowMs - (nowMs % windowMs)))
}

/** `Retry-After` in seconds or as a date, in milliseconds from now. */
function readRetryAfter(header: string | string[] | undefined, nowMs: number): number | undefined {
  const text = (Array.isArray(header) ? header[0] : header)?.trim()
  if (text === undefined || text === '') return undefined
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000
  const date = Date.parse(text)
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs)
}
