import { connect, type Socket } from 'node:net'

/** What a client says and hears until quotes come. */
export interface Dialect {
  path: string
  subprotocol?: string
  /** The server's first words, one text after the other; null for a server that lets clients speak first. */
  greet: ((text: string) => { say?: string; done: boolean }) | null
  /** Null for a server where the path subscribes. */
  subscribe: string | null
  isSubscribed: (text: string) => boolean
}

/** One for all: what is read is looked at before the next read. */
const READ_BUFFER = Buffer.allocUnsafe(256 * 1024)
/** Not secret: the servers look only at the form. */
const KEY = Buffer.from('quotecast-bench!').toString('base64')
const TEXT = 0x81
const PONG = 0x8a
const MASKED = 0x80
/** How quotecast's ping begins: its payload is always of 8 bytes. */
const PING_HEAD = Buffer.from([0x89, 8])
const PING_BYTES = 10

/**
 * A WebSocket client that costs as little as can be: it reads frames until it has subscribed, and afterwards only counts bytes,
 * unless it is one that is to read. It echoes quotecast's pings, else it would count as slow and be left out of ticks. To other servers
 * who measures for longer than their patience says `pong` now and then.
 */
export class RawClient {
  bytes = 0
  readonly #dialect: Dialect
  /** Told of every text of the server after the subscription. */
  readonly #onText: ((text: string) => void) | null
  readonly #socket: Socket
  #rest: Buffer | null = null
  #isUpgraded = false
  #isSubscribed = false
  #advance: () => void = () => {}
  #fail: (error: Error) => void = endProcess
  #isConnected = false

  constructor(port: number, dialect: Dialect, onText: ((text: string) => void) | null) {
    this.#dialect = dialect
    this.#onText = onText
    const onread = {
      buffer: READ_BUFFER,
      callback: (length: number, buffer: Uint8Array) => {
        this.#take(buffer as Buffer, length)
        return true
      }
    }
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true, onread })
    this.#socket.on('error', error => this.#fail(error))
    this.#socket.on('close', () => this.#fail(new Error(`the server closed a client after ${this.bytes} bytes`)))
  }

  /** Resolves when the server has greeted. */
  connected(): Promise<void> {
    const { path, subprotocol } = this.#dialect
    const protocol = subprotocol === undefined ? '' : `Sec-WebSocket-Protocol: ${subprotocol}\r\n`
    return this.#step(() => {
      this.#socket.write(
        `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n${protocol}\r\n`
      )
    })
  }

  /** Resolves when the server has confirmed, if it does that. */
  async subscribed(): Promise<void> {
    const { subscribe } = this.#dialect
    if (subscribe !== null) await this.#step(() => this.say(subscribe))
    this.#isSubscribed = true
  }

  /** Reads nothing more: what comes fills the buffers of the kernel, then those of the server. */
  stall(): void {
    this.#socket.pause()
  }

  /** Says that it lives, which a server takes for the answer to its last ping. */
  pong(): void {
    this.#frame(PONG, '')
  }

  /** A text frame, masked with zeros: the payload stays as it is. */
  say(text: string): void {
    this.#frame(TEXT, text)
  }

  #step(begin: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#advance = () => {
        this.#fail = endProcess
        resolve()
      }
      this.#fail = reject
      begin()
    })
  }

  #take(chunk: Buffer, length: number): void {
    this.bytes += length
    this.#echo(chunk, length)
    if (this.#isSubscribed && this.#onText === null) return
    const read = chunk.subarray(0, length)
    const rest = this.#unwrap(this.#rest === null ? read : Buffer.concat([this.#rest, read]))
    this.#rest = rest.length === 0 ? null : Buffer.from(rest)
  }

  /** Looks for a ping without reading frames; what only looks like one is answered by a pong that nobody asked for, which is ignored. */
  #echo(chunk: Buffer, length: number): void {
    const at = chunk.subarray(0, length).indexOf(PING_HEAD)
    if (at === -1 || at + PING_BYTES > length) return
    this.#frame(PONG, chunk.toString('latin1', at + PING_HEAD.length, at + PING_BYTES))
  }

  /** Takes the whole frames out. @returns what is left. */
  #unwrap(data: Buffer): Buffer {
    let at = 0
    if (!this.#isUpgraded) {
      const end = data.indexOf('\r\n\r\n')
      if (end === -1) return data
      const status = data.toString('latin1', 0, data.indexOf('\r\n'))
      if (!status.includes(' 101 ')) this.#fail(new Error(`expected an upgrade, got ${status}`))
      this.#isUpgraded = true
      at = end + 4
      if (this.#dialect.greet === null) this.#connect()
    }
    while (data.length - at >= 2) {
      const short = data[at + 1]! & 0x7f
      const header = short < 126 ? 2 : short === 126 ? 4 : 10
      if (data.length - at < header) break
      const size = short < 126 ? short : short === 126 ? data.readUInt16BE(at + 2) : data.readUInt32BE(at + 6)
      const end = at + header + size
      if (data.length < end) break
      // Text or binary, whole or in fragments; not a ping.
      if ((data[at]! & 0x0f) <= 2) this.#hear(data.toString('latin1', at + header, end))
      at = end
    }
    return data.subarray(at)
  }

  #hear(text: string): void {
    if (this.#isSubscribed) {
      this.#onText?.(text)
    } else if (this.#isConnected) {
      if (this.#dialect.isSubscribed(text)) this.#advance()
    } else {
      const { say, done } = this.#dialect.greet?.(text) ?? { done: true }
      if (say !== undefined) this.say(say)
      if (done) this.#connect()
    }
  }

  #connect(): void {
    this.#isConnected = true
    this.#advance()
  }

  #frame(opcode: number, text: string): void {
    const payload = Buffer.from(text, 'latin1')
    const short = payload.length < 126
    const header = Buffer.alloc(short ? 6 : 8)
    header[0] = opcode
    header[1] = MASKED | (short ? payload.length : 126)
    if (!short) header.writeUInt16BE(payload.length, 2)
    this.#socket.write(Buffer.concat([header, payload]))
  }
}

/** A client that is lost while nothing waits for it makes the measurement void. */
function endProcess(error: Error): never {
  throw error
}
