import type { IncomingMessage } from 'node:http'
import { WebSocket } from 'ws'
import type { FeedLimits } from './feed-limits.ts'

/** Why a socket ended: a closed list. */
export const SOCKET_ENDS = ['refused', 'unreachable', 'connect_timeout', 'closed', 'dead', 'mute'] as const
export type SocketEndReason = (typeof SOCKET_ENDS)[number]

export interface SocketEnd {
  reason: SocketEndReason
  /** The close code, HTTP status or system error. */
  detail: string
  /** The venue's wish for the next attempt, or 0. */
  retryAfterMs: number
}

/** What a socket tells its owner. After `end`, and after the owner's `close`, nothing is told any more. */
export interface SocketOwner {
  /** A text frame. @returns whether it brought data; acknowledgements and heartbeats are none. */
  frame(text: string): boolean
  binary(bytes: number): void
  /** No data for `muteMs` although the venue answers; told once until there is data again. */
  quiet(): void
  end(end: SocketEnd): void
}

export interface SocketSpec {
  url: string
  /** Sent in order after the socket has opened, `messageIntervalMs` apart. */
  messages: readonly string[]
  messageIntervalMs: number
}

/** A frame beyond this ends the connection; the largest known is a 5 MB snapshot. */
const MAX_FRAME_BYTES = 16 * 1024 ** 2
const CLOSE_MS = 500

/**
 * One WebSocket from the attempt to its end: it sends the subscriptions, and watches that data comes. It never reconnects.
 * Pings of the venue are answered by `ws`.
 */
export class FeedSocket {
  readonly #ws: WebSocket
  readonly #spec: SocketSpec
  readonly #owner: SocketOwner
  readonly #limits: FeedLimits
  readonly #connecting: NodeJS.Timeout
  #sending: NodeJS.Timeout | undefined
  #watching: NodeJS.Timeout | undefined
  #over = false
  #paused = false
  #told = false
  /** Monotonic milliseconds of the last sign of life and of the last data. */
  #signAt = 0
  #dataAt = 0

  constructor(spec: SocketSpec, owner: SocketOwner, limits: FeedLimits) {
    this.#spec = spec
    this.#owner = owner
    this.#limits = limits
    this.#ws = new WebSocket(spec.url, { perMessageDeflate: false, maxPayload: MAX_FRAME_BYTES })
    this.#connecting = setTimeout(
      () => this.#end('connect_timeout', `${limits.connectTimeoutMs} ms`),
      limits.connectTimeoutMs
    )
    this.#ws
      .on('open', () => this.#opened())
      .on('message', (data, isBinary) => this.#received(data as Buffer, isBinary))
      .on('ping', () => this.#sign())
      .on('pong', () => this.#sign())
      .on('unexpected-response', (_request, response) => this.#refused(response))
      .on('close', code => this.#end('closed', String(code)))
      // Also keeps the errors of a socket that is over from ending the process.
      .on('error', (error: NodeJS.ErrnoException) => {
        this.#end(this.#watching === undefined ? 'unreachable' : 'closed', error.code ?? error.message)
      })
  }

  /** Stops reading, so that TCP holds the venue back; what was read already (64 KiB at the most) still arrives. */
  pause(): void {
    this.#paused = true
    this.#ws.pause()
  }

  resume(): void {
    this.#paused = false
    this.#renew()
    this.#ws.resume()
  }

  /** Ends the socket; resolves when it is gone, within half a second. Idempotent. */
  async close(): Promise<void> {
    this.#finish()
    if (this.#ws.readyState === WebSocket.CLOSED) return
    const gone = new Promise(resolve => this.#ws.once('close', resolve))
    // A socket that is connecting or paused would never see the venue's answer to a close frame.
    if (this.#paused || this.#ws.readyState === WebSocket.CONNECTING) this.#ws.terminate()
    else this.#ws.close(1000)
    const timer = setTimeout(() => this.#ws.terminate(), CLOSE_MS)
    await gone
    clearTimeout(timer)
  }

  #opened(): void {
    if (this.#over) return
    clearTimeout(this.#connecting)
    this.#renew()
    // The watch ticks four times within a threshold, so that one is noticed at most a quarter late.
    this.#watching = setInterval(() => this.#watch(), this.#limits.muteMs / 4)
    if (this.#paused) this.#ws.pause()
    this.#send(0)
  }

  #send(index: number): void {
    const message = this.#spec.messages[index]
    if (message === undefined) return
    this.#ws.send(message)
    this.#sending = setTimeout(() => this.#send(index + 1), this.#spec.messageIntervalMs)
  }

  #received(data: Buffer, isBinary: boolean): void {
    if (this.#over) return
    this.#sign()
    if (isBinary) {
      this.#owner.binary(data.length)
    } else if (this.#owner.frame(data.toString())) {
      this.#dataAt = this.#signAt
      this.#told = false
    }
  }

  #sign(): void {
    this.#signAt = performance.now()
  }

  #renew(): void {
    this.#sign()
    this.#dataAt = this.#signAt
  }

  #watch(): void {
    if (this.#paused) return
    const { muteMs, patienceMs } = this.#limits
    const now = performance.now()
    const silentMs = now - this.#signAt
    const mutedMs = now - this.#dataAt
    if (silentMs >= muteMs) {
      this.#end('dead', `${muteMs} ms without a sign of life`)
    } else if (mutedMs >= patienceMs) {
      this.#end('mute', `${patienceMs} ms without data`)
    } else {
      if (silentMs >= muteMs / 2) this.#ws.ping()
      if (mutedMs >= muteMs && !this.#told) {
        this.#told = true
        this.#owner.quiet()
      }
    }
  }

  #refused(response: IncomingMessage): void {
    const seconds = Number(response.headers['retry-after'])
    this.#end('refused', `HTTP ${response.statusCode}`, seconds > 0 ? seconds * 1000 : 0)
  }

  #end(reason: SocketEndReason, detail: string, retryAfterMs = 0): void {
    if (this.#over) return
    this.#finish()
    this.#ws.terminate()
    this.#owner.end({ reason, detail, retryAfterMs })
  }

  #finish(): void {
    this.#over = true
    clearTimeout(this.#connecting)
    clearTimeout(this.#sending)
    clearInterval(this.#watching)
  }
}
