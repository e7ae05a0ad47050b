import { isUtf8 } from 'node:buffer'

/** Lists and maps within each other. */
const MAX_DEPTH = 16
const UINT32 = 0x1_0000_0000

/** Why bytes are not MessagePack as the protocol takes it. */
export class UnpackError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'UnpackError'
  }
}

/**
 * Reads one MessagePack value and nothing behind it: what JSON can say, so nil, booleans, finite numbers, UTF-8 texts, arrays, and
 * maps whose keys are texts that differ. A length is believed only as far as there are bytes for it, and nothing is nested deeper than
 * 16, so that time and memory are bounded by the size of the data.
 * @throws UnpackError
 */
export function unpack(data: Buffer): unknown {
  const reader = new Reader(data)
  const value = reader.value(0)
  reader.end()
  return value
}

class Reader {
  readonly #data: Buffer
  #at = 0

  constructor(data: Buffer) {
    this.#data = data
  }

  end(): void {
    const left = this.#data.length - this.#at
    if (left > 0) throw new UnpackError(`expected one value, got ${left} bytes behind it`)
  }

  value(depth: number): unknown {
    const type = this.#unsigned(1)
    if (type < 0x80) return type
    if (type >= 0xe0) return type - 0x100
    if (type < 0x90) return this.#map(type & 0x0f, depth)
    if (type < 0xa0) return this.#list(type & 0x0f, depth)
    if (type < 0xc0) return this.#text(type & 0x1f)
    switch (type) {
      case 0xc0:
        return null
      case 0xc2:
        return false
      case 0xc3:
        return true
      case 0xca:
        return finite(this.#data.readFloatBE(this.#skip(4)))
      case 0xcb:
        return finite(this.#data.readDoubleBE(this.#skip(8)))
      case 0xcc:
        return this.#unsigned(1)
      case 0xcd:
        return this.#unsigned(2)
      case 0xce:
        return this.#unsigned(4)
      case 0xcf:
        return exact(this.#unsigned(4) * UINT32 + this.#unsigned(4))
      case 0xd0:
        return this.#data.readInt8(this.#skip(1))
      case 0xd1:
        return this.#data.readInt16BE(this.#skip(2))
      case 0xd2:
        return this.#data.readInt32BE(this.#skip(4))
      case 0xd3:
        return exact(this.#data.readInt32BE(this.#skip(4)) * UINT32 + this.#unsigned(4))
      case 0xd9:
        return this.#text(this.#unsigned(1))
      case 0xda:
        return this.#text(this.#unsigned(2))
      case 0xdb:
        return this.#text(this.#unsigned(4))
      case 0xdc:
        return this.#list(this.#unsigned(2), depth)
      case 0xdd:
        return this.#list(this.#unsigned(4), depth)
      case 0xde:
        return this.#map(this.#unsigned(2), depth)
      case 0xdf:
        return this.#map(this.#unsigned(4), depth)
      default:
        // Byte strings, extensions, and the type that does not exist.
        throw new UnpackError(`expected a type that JSON has, got 0x${type.toString(16)}`)
    }
  }

  #list(size: number, depth: number): unknown[] {
    this.#enter(size, depth)
    const list: unknown[] = []
    for (let i = 0; i < size; i++) list.push(this.value(depth + 1))
    return list
  }

  #map(size: number, depth: number): Record<string, unknown> {
    this.#enter(2 * size, depth)
    const map: Record<string, unknown> = {}
    for (let i = 0; i < size; i++) {
      const name = this.value(depth + 1)
      if (typeof name !== 'string') throw new UnpackError('expected a text as the key of a map')
      // Objects without a prototype cost many times as much, so a name that would be taken for one is refused.
      if (name === '__proto__') throw new UnpackError('expected no key __proto__')
      if (Object.hasOwn(map, name)) throw new UnpackError('expected keys that differ within a map')
      map[name] = this.value(depth + 1)
    }
    return map
  }

  #text(length: number): string {
    const start = this.#skip(length)
    const bytes = this.#data.subarray(start, start + length)
    if (!isUtf8(bytes)) throw new UnpackError('expected texts in UTF-8')
    return bytes.toString()
  }

  #unsigned(bytes: 1 | 2 | 4): number {
    return this.#data.readUIntBE(this.#skip(bytes), bytes)
  }

  /** Begins a list or a map of so many values, each of a byte at least. */
  #enter(values: number, depth: number): void {
    if (depth >= MAX_DEPTH) throw new UnpackError(`expected lists and maps at most ${MAX_DEPTH} deep`)
    if (values > this.#data.length - this.#at) throw endsTooEarly()
  }

  /** Goes on behind the next bytes. @returns where they begin */
  #skip(bytes: number): number {
    const start = this.#at
    if (bytes > this.#data.length - start) throw endsTooEarly()
    this.#at = start + bytes
    return start
  }
}

function endsTooEarly(): UnpackError {
  return new UnpackError('the data end too early')
}

function exact(value: number): number {
  if (!Number.isSafeInteger(value)) throw new UnpackError('expected integers below 2^53')
  return value
}

function finite(value: number): number {
  if (!Number.isFinite(value)) throw new UnpackError('expected finite numbers')
  return value
}
