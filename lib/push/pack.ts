/**
 * MessagePack as a text with one character per byte: joining texts is what the engine does fastest, and a text of such characters
 * becomes bytes by a plain copy.
 */
export type Packed = string

const NIL: Packed = '\xc0'
const FALSE: Packed = '\xc2'
const TRUE: Packed = '\xc3'
const ASCII_ONLY = /^[ -~]*$/
const UINT32 = 0x1_0000_0000

/** What JSON would write of a value, as MessagePack: fields that are undefined are left out. For messages of our own, which end. */
export function pack(value: unknown): Packed {
  switch (typeof value) {
    case 'string':
      return packText(value)
    case 'number':
      return packNumber(value)
    case 'boolean':
      return value ? TRUE : FALSE
    case 'object':
      if (value === null) return NIL
      if (Array.isArray(value)) return packArrayHead(value.length) + value.map(pack).join('')
      return packFields(Object.entries(value).filter(([, field]) => field !== undefined))
    default:
      return NIL
  }
}

function packFields(fields: readonly [string, unknown][]): Packed {
  return fields.reduce((packed, [name, value]) => packed + packText(name) + pack(value), packMapHead(fields.length))
}

export function packText(text: string): Packed {
  const bytes = ASCII_ONLY.test(text) ? text : Buffer.from(text).toString('latin1')
  const { length } = bytes
  if (length < 32) return String.fromCharCode(0xa0 | length) + bytes
  if (length < 0x100) return String.fromCharCode(0xd9, length) + bytes
  return (length < 0x1_0000 ? `\xda${uint16(length)}` : `\xdb${uint32(length)}`) + bytes
}

/** Integers up to 2^53 exactly, in their shortest form; other numbers as they are in memory. */
export function packNumber(value: number): Packed {
  if (!Number.isSafeInteger(value)) return packFloat(value)
  if (value < 0) return packNegative(value)
  if (value < 0x80) return String.fromCharCode(value)
  if (value < 0x100) return String.fromCharCode(0xcc, value)
  if (value < 0x1_0000) return `\xcd${uint16(value)}`
  return value < UINT32 ? `\xce${uint32(value)}` : `\xcf${uint64(value)}`
}

export function packMapHead(size: number): Packed {
  if (size < 16) return String.fromCharCode(0x80 | size)
  return size < 0x1_0000 ? `\xde${uint16(size)}` : `\xdf${uint32(size)}`
}

export function packArrayHead(size: number): Packed {
  if (size < 16) return String.fromCharCode(0x90 | size)
  return size < 0x1_0000 ? `\xdc${uint16(size)}` : `\xdd${uint32(size)}`
}

function packNegative(value: number): Packed {
  if (value >= -32) return String.fromCharCode(0x100 + value)
  if (value >= -0x80) return String.fromCharCode(0xd0, 0x100 + value)
  if (value >= -0x8000) return `\xd1${uint16(0x1_0000 + value)}`
  return value >= -UINT32 / 2 ? `\xd2${uint32(value + UINT32)}` : `\xd3${uint64(value)}`
}

function packFloat(value: number): Packed {
  const bytes = Buffer.allocUnsafe(9)
  bytes[0] = 0xcb
  bytes.writeDoubleBE(value, 1)
  return bytes.toString('latin1')
}

function uint16(value: number): Packed {
  return String.fromCharCode(value >>> 8, value & 0xff)
}

function uint32(value: number): Packed {
  return String.fromCharCode(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff)
}

/** Negative ones as their two's complement. */
function uint64(value: number): Packed {
  const high = Math.floor(value / UINT32)
  const low = value >>> 0
  return String.fromCharCode(
    (high >>> 24) & 0xff,
    (high >>> 16) & 0xff,
    (high >>> 8) & 0xff,
    high & 0xff,
    low >>> 24,
    (low >>> 16) & 0xff,
    (low >>> 8) & 0xff,
    low & 0xff
  )
}
