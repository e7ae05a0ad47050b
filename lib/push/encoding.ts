import { MessageError } from './message-error.ts'
import { pack } from './pack.ts'
import { type EncodingName, type ServerMessage, SUBPROTOCOLS } from './protocol.ts'
import { unpack } from './unpack.ts'
import { encodeBinaryFrame, encodeTextFrame } from './websocket-frame.ts'

/** What a connection speaks, by the subprotocol that it was opened with. */
export interface Encoding {
  readonly name: EncodingName
  /** A message to the client as a whole frame. */
  frame(message: ServerMessage): Buffer
  /** What a client has sent, unchecked. @throws MessageError 400 for what cannot be read */
  read(data: Buffer, isBinary: boolean): unknown
}

/** As much of a parser's complaint as is repeated. */
const MAX_REASON = 128

export const ENCODINGS: Readonly<Record<EncodingName, Encoding>> = {
  json: {
    name: 'json',
    frame: message => encodeTextFrame(JSON.stringify(message)),
    read(data, isBinary) {
      if (isBinary) throw new MessageError(400, 'expected a text frame with JSON, got a binary frame', null)
      return readJson(data)
    }
  },
  msgpack: {
    name: 'msgpack',
    frame: message => encodeBinaryFrame(pack(message)),
    // A text frame cannot be anything but JSON, so it is taken for that here too.
    read: (data, isBinary) => (isBinary ? readMsgpack(data) : readJson(data))
  }
}

/** The encoding of a subprotocol; JSON where none was asked for. */
export function encodingOf(subprotocol: string): Encoding {
  return subprotocol === SUBPROTOCOLS.msgpack ? ENCODINGS.msgpack : ENCODINGS.json
}

/** One message for many sessions: encoded once in each encoding that one of them speaks. */
export class SharedMessage {
  readonly #message: ServerMessage
  readonly #frames = new Map<Encoding, Buffer>()

  constructor(message: ServerMessage) {
    this.#message = message
  }

  frame(encoding: Encoding): Buffer {
    const frame = this.#frames.get(encoding) ?? encoding.frame(this.#message)
    this.#frames.set(encoding, frame)
    return frame
  }
}

function readJson(data: Buffer): unknown {
  try {
    return JSON.parse(data.toString())
  } catch (error) {
    throw unreadable('JSON', error)
  }
}

function readMsgpack(data: Buffer): unknown {
  try {
    return unpack(data)
  } catch (error) {
    throw unreadable('MessagePack', error)
  }
}

function unreadable(what: string, error: unknown): MessageError {
  return new MessageError(400, `expected ${what}: ${(error as Error).message.slice(0, MAX_REASON)}`, null)
}
