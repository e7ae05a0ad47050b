import type { Clock } from './clock.ts'
import type { FixedLimits } from './live-limits.ts'

/** A client that appeared slow is pinged at the shorter interval for so long after it no longer does. */
const WATCH_MS = 30_000
const PAYLOAD_BYTES = 8

/** Who is asked. */
export interface Pinged {
  /** Sends a ping behind everything that was written before. */
  ping(payload: Buffer): void
}

/** What all ping clocks of a gateway share. */
export interface PingClockDeps {
  readonly clock: Pick<Clock, 'nowMs' | 'nowMicros'>
  readonly limits: Pick<FixedLimits, 'pingMs' | 'slowPingMs' | 'pongMs' | 'lagMs'>
  /** From 0 to below 1. */
  random(): number
}

/**
 * How far behind one client is, measured by pings. A ping waits behind all that was sent before it, also in the kernel's buffers,
 * which may take megabytes before anything is unsent here; the echoed payload tells how long that took. One ping is under way at a
 * time: its age is what the client is behind at least.
 */
export class PingClock {
  /** Whether the client is further behind than it may be, so that new rows would only make the queue longer. */
  isLagging = false
  readonly #client: Pinged
  readonly #deps: PingClockDeps
  #roundTripMs: number | null = null
  #sent: { payload: Buffer; atMs: number } | null = null
  #lastPingMs: number
  #watchedUntilMs = Number.NEGATIVE_INFINITY

  constructor(client: Pinged, deps: PingClockDeps) {
    this.#client = client
    this.#deps = deps
    // Pings spread over the interval, however many clients came at once.
    this.#lastPingMs = deps.clock.nowMs() - deps.random() * deps.limits.pingMs
  }

  /** The last round trip, or the age of the ping that is under way when that is more; null before the first. */
  get lagMs(): number | null {
    const ageMs = this.#sent === null ? null : this.#deps.clock.nowMs() - this.#sent.atMs
    if (ageMs === null || this.#roundTripMs === null) return this.#roundTripMs ?? ageMs
    return Math.max(ageMs, this.#roundTripMs)
  }

  /** Takes a pong; one that no ping asked for says nothing. */
  pong(payload: Buffer): void {
    const sent = this.#sent
    if (sent === null || !sent.payload.equals(payload)) return
    const nowMs = this.#deps.clock.nowMs()
    this.#sent = null
    this.#roundTripMs = nowMs - sent.atMs
    this.isLagging = this.#roundTripMs > this.#deps.limits.lagMs
    if (!this.isLagging) return
    this.#watchedUntilMs = nowMs + WATCH_MS
    // It has come this far, and may be past the rest as well: a client that has woken up is not kept waiting.
    this.#ping(nowMs)
  }

  /**
   * Sends a ping when it is time, and judges the one that is under way.
   * @param lateMs for so long nobody here could have taken a pong
   * @returns false when the client has not answered for too long
   */
  look(nowMs: number, appearsSlow: boolean, lateMs = 0): boolean {
    const { pingMs, slowPingMs, pongMs, lagMs } = this.#deps.limits
    if (appearsSlow) this.#watchedUntilMs = nowMs + WATCH_MS
    if (this.#sent === null) {
      const interval = nowMs < this.#watchedUntilMs ? Math.min(slowPingMs, pingMs) : pingMs
      if (nowMs - this.#lastPingMs >= interval) this.#ping(nowMs)
      return true
    }
    this.#sent.atMs = Math.min(nowMs, this.#sent.atMs + lateMs)
    const ageMs = nowMs - this.#sent.atMs
    if (ageMs > lagMs) this.isLagging = true
    if (this.isLagging) this.#watchedUntilMs = nowMs + WATCH_MS
    return ageMs < pongMs
  }

  #ping(nowMs: number): void {
    const payload = Buffer.allocUnsafe(PAYLOAD_BYTES)
    payload.writeBigUInt64BE(BigInt(this.#deps.clock.nowMicros()))
    this.#sent = { payload, atMs: nowMs }
    this.#lastPingMs = nowMs
    this.#client.ping(payload)
  }
}
