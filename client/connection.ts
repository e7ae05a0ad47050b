import { QuoteClientError } from './client-error.ts'
import type { ServerMessage } from './messages.ts'
import { ABNORMAL } from './reconnect-delay.ts'
import { OPEN, type SocketLike } from './socket.ts'

export interface ConnectionHandlers {
  onMessage(message: ServerMessage): void
  /** A frame that could not be read or handled; the connection ends. */
  onError(error: QuoteClientError): void
  /** Once; nothing follows. */
  onClose(code: number, reason: string): void
}

/** One WebSocket connection, until it is closed or counts as dead: when nothing came for `silenceMs`, also at its beginning. */
export class Connection {
  readonly #socket: SocketLike
  readonly #handlers: ConnectionHandlers
  readonly #silenceMs: number
  #heardMs = performance.now()
  #watch: ReturnType<typeof setTimeout> | undefined
  #isOver = false

  constructor(socket: SocketLike, silenceMs: number, handlers: ConnectionHandlers) {
    this.#socket = socket
    this.#handlers = handlers
    this.#silenceMs = silenceMs
    socket.addEventListener('message', ({ data }) => {
      this.#heardMs = performance.now()
      this.#receive(data)
    })
    socket.addEventListener('close', ({ code, reason }) => this.#end(code, reason))
    // The close event follows.
    socket.addEventListener('error', () => {})
    this.#listen(silenceMs)
  }

  get isOver(): boolean {
    return this.#isOver
  }

  send(message: object): void {
    if (!this.#isOver && this.#socket.readyState === OPEN) this.#socket.send(JSON.stringify(message))
  }

  /** Ends it without waiting for the other side, whose answer may never come. Idempotent. */
  abandon(reason: string): void {
    if (this.#isOver) return
    this.#end(ABNORMAL, reason)
    this.#socket.close()
  }

  /** Closes it in order; the handlers hear nothing more. Idempotent. */
  close(): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#watch)
    this.#socket.close(1000)
  }

  #end(code: number, reason: string): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#watch)
    this.#handlers.onClose(code, reason)
  }

  /**
   * Looks again when it may have been silent for too long; a message costs no timer. A program that was busy for so long itself may
   * have messages waiting: they come before the second look.
   */
  #listen(inMs: number, isSecondLook = false): void {
    this.#watch = setTimeout(() => {
      const leftMs = this.#heardMs + this.#silenceMs - performance.now()
      if (leftMs > 0) this.#listen(leftMs)
      else if (isSecondLook) this.abandon('silence')
      else this.#listen(0, true)
    }, inMs)
  }

  #receive(data: unknown): void {
    if (this.#isOver || typeof data !== 'string') return
    try {
      this.#handlers.onMessage(JSON.parse(data) as ServerMessage)
    } catch (cause) {
      const error = cause instanceof QuoteClientError ? cause : new QuoteClientError('bad_frame', undefined, { cause })
      this.#handlers.onError(error)
      this.abandon(error.code)
    }
  }
}
