import type { Socket } from 'node:net'
import { Client } from 'undici'
import { abortError, EgressError } from './egress-error.ts'

/** How a lane opens its connection: `openConnection` with its target bound. */
export type Connector = (signal: AbortSignal) => Promise<Socket>

/** One connection to one origin, opened when first used, kept while idle, with at most one request on it. */
interface Lane {
  client: Client
  /** Ends an attempt to connect. */
  controller: AbortController
}

interface Waiter {
  resolve: (lane: Lane) => void
  reject: (error: EgressError) => void
}

/** Requests that may wait for a lane; more are refused. */
const MAX_WAITING = 256

const KEEP_ALIVE_MS = 30_000

/**
 * The connections of one egress to one origin: at most `size` at once. Each is an undici client with one socket,
 * because a pool of undici does not tell which request waits for which connection, so that an abort could not end the
 * attempt that it is about, and an attempt that hangs would hold up requests that another connection could carry.
 */
export class Lanes {
  readonly #origin: string
  readonly #connect: Connector
  readonly #size: number
  readonly #open = new Set<Lane>()
  readonly #idle: Lane[] = []
  readonly #waiting: Waiter[] = []
  #closed = false

  constructor(origin: string, connect: Connector, size: number) {
    this.#origin = origin
    this.#connect = connect
    this.#size = size
  }

  /** Whether a request would begin at once. */
  get free(): boolean {
    return this.#idle.length > 0 || this.#open.size < this.#size
  }

  /** Whether no request is under way or waiting. */
  get quiet(): boolean {
    return this.#idle.length === this.#open.size
  }

  /**
   * Runs `use` with a connection of its own, waiting for one if necessary. A failure or an abort closes that
   * connection, in whatever phase it is, and touches no other.
   * @throws EgressError `queue_full`, `closed`, that of the signal, or what `use` throws
   */
  async run<T>(use: (client: Client) => Promise<T>, signal: AbortSignal): Promise<T> {
    const lane = await this.#take(signal)
    let onAbort = () => {}
    const aborted = new Promise<never>((_resolve, reject) => {
      onAbort = () => {
        reject(abortError(signal))
        this.#drop(lane)
      }
    })
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    try {
      const result = await Promise.race([use(lane.client), aborted])
      this.#give(lane)
      return result
    } catch (error) {
      this.#drop(lane)
      throw error
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  /** Closes every connection; requests under way fail. Idempotent. */
  close(): void {
    this.#closed = true
    for (const waiter of this.#waiting.splice(0)) waiter.reject(closedError())
    for (const lane of [...this.#open]) this.#drop(lane)
  }

  async #take(signal: AbortSignal): Promise<Lane> {
    if (this.#closed) throw closedError()
    if (signal.aborted) throw abortError(signal)
    // The most recently used connection is the least likely to have been closed by the other side.
    const idle = this.#idle.pop()
    if (idle !== undefined) return idle
    if (this.#open.size < this.#size) return this.#create()
    if (this.#waiting.length >= MAX_WAITING) {
      throw new EgressError('queue_full', `${MAX_WAITING} requests already wait for a connection to ${this.#origin}`)
    }
    const { promise, resolve, reject } = Promise.withResolvers<Lane>()
    const waiter: Waiter = { resolve, reject }
    const onAbort = () => {
      const index = this.#waiting.indexOf(waiter)
      if (index !== -1) this.#waiting.splice(index, 1)
      reject(abortError(signal))
    }
    signal.addEventListener('abort', onAbort, { once: true })
    this.#waiting.push(waiter)
    return promise.finally(() => signal.removeEventListener('abort', onAbort))
  }

  #create(): Lane {
    const controller = new AbortController()
    const client = new Client(this.#origin, {
      allowH2: false,
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MS,
      connect: (_options, callback) => {
        this.#connect(controller.signal).then(
          socket => callback(null, socket),
          error => callback(error, null)
        )
      }
    })
    const lane = { client, controller }
    this.#open.add(lane)
    return lane
  }

  #give(lane: Lane): void {
    if (!this.#open.has(lane)) return
    const waiter = this.#waiting.shift()
    if (waiter === undefined) this.#idle.push(lane)
    else waiter.resolve(lane)
  }

  #drop(lane: Lane): void {
    if (!this.#open.delete(lane)) return
    const index = this.#idle.indexOf(lane)
    if (index !== -1) this.#idle.splice(index, 1)
    lane.controller.abort(new EgressError('aborted', 'nobody waits for this connection any more'))
    // The lane is gone for whoever used it; that its socket was broken already changes nothing.
    lane.client.destroy().catch(() => {})
    if (!this.#closed) this.#waiting.shift()?.resolve(this.#create())
  }
}

function closedError(): EgressError {
  return new EgressError('closed', 'the pool of connections was closed')
}
