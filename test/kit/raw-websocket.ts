import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { cleanUp, type Scope } from './clean-up.ts'
import { waitUntil } from './wait-until.ts'

export const OPCODES = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

export interface RawFrame {
  opcode: number
  payload: Buffer
}

export interface FrameOptions {
  fin?: boolean
  /** The three reserved bits as a number of 0 to 7. */
  rsv?: number
  mask?: boolean
}

/** A frame as a client sends it (RFC 6455, section 5.2), with whatever is wrong with it. */
export function clientFrame(
  opcode: number,
  payload: Buffer | string,
  { fin = true, rsv = 0, mask = true }: FrameOptions = {}
): Buffer {
  const body = typeof payload === 'string' ? Buffer.from(payload) : payload
  const length = body.length <= 125 ? body.length : body.length <= 0xffff ? 126 : 127
  const head = Buffer.alloc(2 + (length === 126 ? 2 : length === 127 ? 8 : 0))
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode
  head[1] = (mask ? 0x80 : 0) | length
  if (length === 126) head.writeUInt16BE(body.length, 2)
  if (length === 127) head.writeBigUInt64BE(BigInt(body.length), 2)
  if (!mask) return Buffer.concat([head, body])
  const key = randomBytes(4)
  const masked = Buffer.from(body.map((byte, i) => byte ^ (key[i % 4] as number)))
  return Buffer.concat([head, key, masked])
}

/** The payload of a close frame. */
export function closePayload(code: number, reason: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(2)
  head.writeUInt16BE(code)
  return Buffer.concat([head, reason])
}

/** A WebSocket of which the test makes every byte: for what no client library would send. */
export class RawWebSocket {
  readonly socket: Socket
  readonly frames: RawFrame[] = []
  isEnded = false
  #unread: Buffer = Buffer.alloc(0)

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('error', () => {})
    socket.once('close', () => {
      this.isEnded = true
    })
  }

  static async open(t: Scope, port: number, path: string, protocol: string): Promise<RawWebSocket> {
    const socket = connect(port, '127.0.0.1')
    cleanUp(t, () => socket.destroy())
    socket.setNoDelay(true)
    const raw = new RawWebSocket(socket)
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Protocol: ${protocol}\r\n\r\n`
    )
    let head = Buffer.alloc(0)
    while (!head.includes('\r\n\r\n')) head = Buffer.concat([head, ((await once(socket, 'data')) as [Buffer])[0]])
    if (!head.toString('latin1').startsWith('HTTP/1.1 101 '))
      throw new Error(`expected 101, got ${head.toString('latin1', 0, 64)}`)
    raw.#read(head.subarray(head.indexOf('\r\n\r\n') + 4))
    socket.on('data', (chunk: Buffer) => raw.#read(chunk))
    return raw
  }

  /** Texts of the server, as JSON. */
  get messages(): Record<string, unknown>[] {
    return this.frames.flatMap(({ opcode, payload }) =>
      opcode === OPCODES.text ? [JSON.parse(payload.toString())] : []
    )
  }

  /** The code of the server's close frame; null for one without, undefined while there is none. */
  get closeCode(): number | null | undefined {
    const frame = this.frames.find(({ opcode }) => opcode === OPCODES.close)
    if (frame === undefined) return undefined
    return frame.payload.length < 2 ? null : frame.payload.readUInt16BE()
  }

  send(...frames: Buffer[]): void {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(frames))
  }

  async closed(): Promise<number | null | undefined> {
    await waitUntil('the server closed', () => this.closeCode !== undefined || this.isEnded)
    return this.closeCode
  }

  #read(chunk: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, chunk])
    for (;;) {
      const { length } = this.#unread
      if (length < 2) return
      const short = (this.#unread[1] as number) & 0x7f
      const head = short === 126 ? 4 : short === 127 ? 10 : 2
      if (length < head) return
      const size =
        short === 126 ? this.#unread.readUInt16BE(2) : short === 127 ? Number(this.#unread.readBigUInt64BE(2)) : short
      if (length < head + size) return
      this.frames.push({
        opcode: (this.#unread[0] as number) & 0x0f,
        payload: this.#unread.subarray(head, head + size)
      })
      this.#unread = this.#unread.subarray(head + size)
    }
  }
}
