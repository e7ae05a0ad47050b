const TEXT_OPCODE = 0x81
const BINARY_OPCODE = 0x82
const SHORT = 125
const MEDIUM = 0xffff

/**
 * A whole unmasked WebSocket text frame (RFC 6455, section 5.2) in one buffer: header and payload leave in one write, and the same
 * buffer goes to every socket of a group.
 *
 * It may be written to the connection directly as long as the WebSocket is open, uses no extension, and nobody sends fragments.
 */
export function encodeTextFrame(text: string): Buffer {
  const length = Buffer.byteLength(text)
  const frame = allocateFrame(TEXT_OPCODE, length)
  // Nearly all of it is ASCII, for which there is a faster way.
  frame.write(text, frame.length - length, length === text.length ? 'latin1' : 'utf8')
  return frame
}

/** The same as a binary frame. @param bytes a character for each byte */
export function encodeBinaryFrame(bytes: string): Buffer {
  const { length } = bytes
  const frame = allocateFrame(BINARY_OPCODE, length)
  frame.write(bytes, frame.length - length, 'latin1')
  return frame
}

/** A frame with its header, and room for so many bytes behind it. */
function allocateFrame(opcode: number, length: number): Buffer {
  const header = length <= SHORT ? 2 : length <= MEDIUM ? 4 : 10
  const frame = Buffer.allocUnsafe(header + length)
  frame[0] = opcode
  if (header === 2) {
    frame[1] = length
  } else if (header === 4) {
    frame[1] = 126
    frame.writeUInt16BE(length, 2)
  } else {
    frame[1] = 127
    frame.writeUInt32BE(0, 2)
    frame.writeUInt32BE(length, 6)
  }
  return frame
}

/** What was put into a frame. */
export function payloadOf(frame: Buffer): Buffer {
  const length = frame[1]
  return frame.subarray(length === 127 ? 10 : length === 126 ? 4 : 2)
}
