import { hash, randomBytes } from 'node:crypto'
import type { Micros } from '../quote/quote.ts'
import type { Clock } from './clock.ts'
import type { Encoding } from './encoding.ts'
import type { LiveLimits } from './live-limits.ts'
import type { Outlet } from './member.ts'
import { PingClock, type PingClockDeps, type Pinged } from './ping-clock.ts'
import type { ServerMessage } from './protocol.ts'
import { CLOSE_CODES, type CloseReason } from './protocol-codes.ts'
import type { PushCounters } from './push-counters.ts'
import type { Rights } from './rights.ts'
import type { StoredSession } from './session-store.ts'
import type { LiveSubscription, Subscription } from './subscription.ts'
import { TokenBucket } from './token-bucket.ts'

/** A closing connection that has not gone by then is cut. */
const CLOSE_TIMEOUT_MS = 1000
/** Reconnects after a drain spread over this time. */
const RECONNECT_SPREAD_MS = 5000

/** What a session uses of its `ws` WebSocket; an event stream offers the same. */
export interface SessionSocket {
  readonly readyState: number
  readonly OPEN: number
  on(event: 'pong', listener: (payload: Buffer) => void): unknown
  /** Absent where a client cannot be asked to answer. */
  ping?(payload: Buffer): void
  close(code: number, reason: string): void
  terminate(): void
}

/** What a session uses of the connection under it: takes whole frames. */
export interface SessionConnection {
  readonly writableLength: number
  write(frame: Buffer): boolean
  on(event: 'drain', listener: () => void): unknown
}

/** Where a session comes from, and what it begins with. */
export interface SessionOrigin {
  /** Counts the sessions of a gateway in the order of their coming. */
  readonly serial: number
  /** What its connections are counted under. */
  readonly address: string
  readonly transport: 'websocket' | 'events'
  readonly connectedAt: Micros
  /** What it speaks. */
  readonly encoding: Encoding
  readonly rights: Rights
}

/** What all sessions of a gateway share: of what each keeps, there are many. */
export interface SessionDeps extends Pick<PingClockDeps, 'random'> {
  readonly clock: Clock
  readonly limits: LiveLimits
  readonly counters: PushCounters
  readonly pings: PingClockDeps
  /** Told that there may be room again for what the client lacks. */
  onRoom(session: Session): void
}

const NO_SUBSCRIPTIONS: ReadonlyMap<string, Subscription> = new Map()

/**
 * One WebSocket connection: what it subscribes to, what may be written to it, and whether it still lives. Frames go to the
 * connection whole, so they may bypass the WebSocket's own sender; see `encodeTextFrame`.
 */
export class Session implements Outlet {
  readonly id = `s_${randomBytes(9).toString('base64url')}`
  /** Whoever shows it may go on with the session on another connection. */
  readonly resumeToken = randomBytes(18).toString('base64url')
  readonly origin: SessionOrigin
  /** What it speaks. */
  readonly encoding: Encoding
  #rights: Rights
  #subscriptions: Map<string, Subscription> | null = null
  #bucket: TokenBucket | null = null
  /** Messages received. */
  messages = 0
  /** Messages refused in a row. */
  refusals = 0
  lastWriteMs: number
  /** Ticks of all its subscriptions that it was left out of, so far. */
  skippedTicks = 0
  readonly #socket: SessionSocket
  readonly #connection: SessionConnection
  readonly #deps: SessionDeps
  #overloadedSinceMs: number | null = null
  readonly #pings: PingClock | null
  #closingSinceMs: number | null = null

  constructor(socket: SessionSocket, connection: SessionConnection, origin: SessionOrigin, deps: SessionDeps) {
    this.#socket = socket
    this.#connection = connection
    this.#deps = deps
    this.encoding = origin.encoding
    this.origin = origin
    this.#rights = origin.rights
    this.lastWriteMs = deps.clock.nowMs()
    this.#pings = isPinged(socket) ? new PingClock(socket, deps.pings) : null
    socket.on('pong', payload => {
      this.#pings?.pong(payload)
      this.#takeRoom()
    })
    connection.on('drain', () => this.#takeRoom())
  }

  get isOpen(): boolean {
    return this.#closingSinceMs === null && this.#socket.readyState === this.#socket.OPEN
  }

  get isOverloaded(): boolean {
    return this.unsentBytes > this.#deps.limits.current.hardBytes
  }

  /** Bytes that the system has not taken yet. */
  get unsentBytes(): number {
    return this.#connection.writableLength
  }

  /** How far behind the client was when it was last asked, by its own answer; null where that is not known. */
  get lagMs(): number | null {
    return this.#pings?.lagMs ?? null
  }

  /** Whether that is more than it may be. */
  get isLagging(): boolean {
    return this.#pings?.isLagging === true
  }

  /** What the client may do now. */
  get rights(): Rights {
    return this.#rights
  }

  /** Gives the client other rights, for what it asks from now on. */
  grant(rights: Rights): void {
    this.#rights = rights
    const { messagesPerSecond, messageBurst } = rights.limits
    this.#bucket?.change(messagesPerSecond, messageBurst, this.#deps.clock.nowMs())
  }

  /** What it may still send. Made with its first message: many a client sends none for long. */
  get bucket(): TokenBucket {
    const { messagesPerSecond, messageBurst } = this.#rights.limits
    this.#bucket ??= new TokenBucket(messagesPerSecond, messageBurst, this.#deps.clock.nowMs())
    return this.#bucket
  }

  /** By sid. */
  get subscriptions(): ReadonlyMap<string, Subscription> {
    return this.#subscriptions ?? NO_SUBSCRIPTIONS
  }

  add(subscription: Subscription): void {
    this.#subscriptions ??= new Map()
    this.#subscriptions.set(subscription.group.sid, subscription)
  }

  remove(sid: string): void {
    this.#subscriptions?.delete(sid)
  }

  /** Keys named by all subscriptions. */
  get symbols(): number {
    let symbols = 0
    for (const { group } of this.subscriptions.values()) symbols += group.signature.keys.length
    return symbols
  }

  /** Those to what is live: another connection may go on with them. */
  get live(): LiveSubscription[] {
    return [...this.subscriptions.values()].filter(subscription => subscription.pace !== undefined)
  }

  /** What another connection needs to go on with it. */
  get stored(): StoredSession {
    const subscriptions = this.live.map(({ pace: { asked, askedSid, sids } }) => ({
      ...asked,
      sid: askedSid,
      ...(sids.length === 1 ? {} : { servedAs: [...sids] }),
      keys: [...asked.keys],
      patterns: asked.patterns.map(({ text }) => text),
      fields: [...asked.fields]
    }))
    return { id: this.id, tokenHash: tokenHash(this.resumeToken), subscriptions }
  }

  hasRoom(bytes: number): boolean {
    if (this.isLagging) return false
    const unsent = this.unsentBytes
    return unsent === 0 || unsent + bytes <= this.#deps.limits.current.softBytes
  }

  write(frame: Buffer, rows: number): void {
    if (!this.isOpen) return
    const { counters } = this.#deps
    counters.framesWritten++
    counters.rowsWritten += rows
    counters.bytesWritten += frame.length
    this.lastWriteMs = this.#deps.clock.nowMs()
    this.#connection.write(frame)
  }

  send(message: ServerMessage): void {
    this.write(this.encoding.frame(message), 0)
  }

  /** Gives the subscriptions that were left out of ticks what they missed, as far as there is room, and lets playbacks go on. */
  catchUp(): void {
    for (const { member, playback } of this.subscriptions.values()) {
      if (member.isBehind) member.catchUp()
      playback?.wake()
    }
  }

  #takeRoom(): void {
    this.#deps.onRoom(this)
    this.catchUp()
  }

  get isBehind(): boolean {
    for (const { member } of this.subscriptions.values()) if (member.isBehind) return true
    return false
  }

  /** Says `bye` and closes. Safe to call again. */
  close(reason: CloseReason): void {
    if (!this.isOpen) return
    const code = CLOSE_CODES[reason]
    const reconnectAfterMs = Math.round(this.#deps.random() * RECONNECT_SPREAD_MS)
    this.send({ type: 'bye', reason, close: code, inMs: 0, reconnectAfterMs, resume: this.mayResume(code) })
    this.#closingSinceMs = this.#deps.clock.nowMs()
    this.#socket.close(code, reason)
  }

  /** Says that the connection will be closed, and when the client should come back: at a time of its own before that. */
  announceDrain(inMs: number): void {
    if (!this.isOpen) return
    const close = CLOSE_CODES.drain
    const reconnectAfterMs = Math.round(this.#deps.random() * inMs)
    this.send({ type: 'bye', reason: 'drain', close, inMs, reconnectAfterMs, resume: this.mayResume(close) })
  }

  /** Whether a client with subscriptions may come back after this close. */
  mayResume(code: number): boolean {
    return this.live.length > 0 && code >= CLOSE_CODES.overloaded
  }

  closeSlow(): void {
    if (this.isOpen) this.#deps.counters.closedSlow++
    this.close('slow')
  }

  terminate(): void {
    this.#socket.terminate()
  }

  /** One look at the connection's health, several times per second. @param lateMs how much later than it should have been */
  inspect(nowMs: number, lateMs = 0): void {
    if (this.#closingSinceMs !== null) {
      if (nowMs - this.#closingSinceMs > CLOSE_TIMEOUT_MS) this.terminate()
      return
    }
    const { counters } = this.#deps
    const limits = this.#deps.limits.current
    this.catchUp()
    if (!this.isOverloaded) this.#overloadedSinceMs = null
    else this.#overloadedSinceMs ??= nowMs
    if (this.#overloadedSinceMs !== null && nowMs - this.#overloadedSinceMs >= limits.hardForMs) {
      this.closeSlow()
    } else if (this.#pings?.look(nowMs, this.isBehind || !this.hasRoom(0), lateMs) === false) {
      counters.closedNoPong++
      this.close('noPong')
    }
  }
}

function isPinged(socket: SessionSocket): socket is SessionSocket & Pinged {
  return socket.ping !== undefined
}

/** The form in which a resume token is kept: as random as a key, so a plain hash is enough. */
export function tokenHash(token: string): string {
  return hash('sha256', token, 'base64url')
}
