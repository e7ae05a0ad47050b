import type { WebSocket } from 'ws'
import { type MessageId, readStreamMessage, type StreamRequest } from './stream-message.ts'

/** What a connection tells its server. */
export interface StreamEvents {
  /** A subscription began; `removed` when it ended. */
  added(stream: string, connection: StreamConnection): void
  removed(stream: string, connection: StreamConnection): void
  /** All subscriptions of one message are made. */
  subscribed(): void
  /** The server ended the connection, by this rule. */
  cut(reason: CutReason): void
}

export const CUT_REASONS = ['too many messages', 'too many streams', 'too slow', 'no pong'] as const
export type CutReason = (typeof CUT_REASONS)[number]

/** The venue's rules. */
const MAX_STREAMS = 1_024
const MESSAGES_PER_SECOND = 5

/** Policy violation, RFC 6455. */
const POLICY = 1008
/** A subscriber with more than this waiting is cut off. */
const MAX_BUFFERED_BYTES = 16 * 1024 ** 2
/** A playback waits for a subscriber with more than this waiting. */
const DRAIN_ABOVE_BYTES = 1024 ** 2

/** One client of the stream. */
export class StreamConnection {
  readonly #socket: WebSocket
  /** Whether frames go out in the wrapper `{"stream":…,"data":…}`. */
  readonly #combined: boolean
  readonly #events: StreamEvents
  readonly #now: () => number
  readonly #streams = new Set<string>()
  /** Messages and control frames of the client in the second `#second`. */
  #messages = 0
  #second = 0
  #cut = false
  #alive = true
  #draining: Promise<void> | undefined

  constructor(socket: WebSocket, options: { combined: boolean; events: StreamEvents; now: () => number }) {
    this.#socket = socket
    this.#combined = options.combined
    this.#events = options.events
    this.#now = options.now
    socket.on('message', data => {
      if (this.#admit()) this.#receive(String(data))
    })
    socket.on('ping', () => this.#admit())
    socket.on('pong', () => {
      this.#alive = true
      this.#admit()
    })
    socket.on('error', () => socket.terminate())
    socket.on('close', () => this.unsubscribe([...this.#streams]))
  }

  get subscriptions(): number {
    return this.#streams.size
  }

  /** Adds streams; beyond the venue's limit the connection is cut. */
  subscribe(streams: readonly string[]): void {
    for (const stream of streams) {
      if (this.#streams.has(stream)) continue
      if (this.#streams.size === MAX_STREAMS) {
        this.#end('too many streams')
        break
      }
      this.#streams.add(stream)
      this.#events.added(stream, this)
    }
    if (streams.length > 0) this.#events.subscribed()
  }

  unsubscribe(streams: readonly string[]): void {
    for (const stream of streams) {
      if (this.#streams.delete(stream)) this.#events.removed(stream, this)
    }
  }

  /** Sends a combined frame of a stream, in this connection's form. */
  sendFrame(stream: string, frame: string): void {
    if (this.#socket.bufferedAmount > MAX_BUFFERED_BYTES) {
      this.#end('too slow')
      return
    }
    this.#send(this.#combined ? frame : frame.slice(`{"stream":"${stream}","data":`.length, -1))
  }

  /** Sends a frame that belongs to no stream. */
  sendEvent(event: object, stream: string): void {
    this.#send(JSON.stringify(this.#combined ? { stream, data: event } : event))
  }

  /** Resolves at once below the bound, else when everything that waits now has gone or the connection has ended. */
  drained(): Promise<void> | undefined {
    return this.#draining
  }

  /** Pings; a client that has not answered the ping before is cut off. */
  ping(): void {
    if (!this.#alive) {
      this.#end('no pong')
      this.#socket.terminate()
      return
    }
    this.#alive = false
    this.#socket.ping()
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason)
  }

  terminate(): void {
    this.#socket.terminate()
  }

  #send(text: string): void {
    if (this.#draining !== undefined || this.#socket.bufferedAmount <= DRAIN_ABOVE_BYTES) {
      this.#socket.send(text, ignoreSendError)
      return
    }
    this.#draining = new Promise<void>(resolve => {
      this.#socket.send(text, () => {
        this.#draining = undefined
        resolve()
      })
    })
  }

  #receive(text: string): void {
    const request = readStreamMessage(text)
    if ('code' in request) {
      this.#send(JSON.stringify(request))
      return
    }
    this.#answer(request)
  }

  /** The acknowledgement goes out before the first frame of what it acknowledges. */
  #answer(request: StreamRequest): void {
    const answer = (result: string[] | null, id: MessageId) => this.#send(JSON.stringify({ result, id }))
    if (request.method === 'LIST_SUBSCRIPTIONS') {
      answer([...this.#streams], request.id)
      return
    }
    answer(null, request.id)
    if (request.method === 'SUBSCRIBE') this.subscribe(request.streams)
    else this.unsubscribe(request.streams)
  }

  #admit(): boolean {
    const second = Math.floor(this.#now() / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#messages = 0
    }
    this.#messages++
    if (this.#messages > MESSAGES_PER_SECOND) this.#end('too many messages')
    return !this.#cut
  }

  #end(reason: CutReason): void {
    if (this.#cut) return
    this.#cut = true
    this.#events.cut(reason)
    this.#socket.close(POLICY, reason)
    this.unsubscribe([...this.#streams])
  }
}

/** The socket's own `error` and `close` events tell of a failed send. */
function ignoreSendError(): void {}
