import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { pipeline } from 'node:stream'
import { createGunzip, createZstdDecompress } from 'node:zlib'

/** A frame as it was received once. */
export interface RecordedFrame {
  /** The recorder's clock, microseconds since the epoch. */
  receivedTime: number
  frame: string
}

/**
 * The lines of a recording: `.gz` and `.zst` are unpacked, anything else is read as it is.
 * @throws what reading or unpacking throws
 */
export async function* readLines(file: string): AsyncGenerator<string> {
  const source = createReadStream(file)
  const unpack = file.endsWith('.gz') ? createGunzip() : file.endsWith('.zst') ? createZstdDecompress() : undefined
  // A failure reaches the consumer by way of the destroyed last stream; `pipeline` only has to destroy it.
  const input = unpack === undefined ? source : pipeline(source, unpack, () => {})
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })
  let failure: Error | undefined
  input.once('error', error => {
    failure = error
    lines.close()
  })
  try {
    for await (const line of lines) {
      if (line !== '') yield line
    }
    if (failure !== undefined) throw failure
  } finally {
    lines.close()
    source.destroy()
  }
}

/**
 * The frames of a recording in one of two forms: `<time> <frame>` with the time in nano- or microseconds, or lines of JSON
 * `{"t":"recv","ts":<seconds>,"data":"<frame>"}` whose other kinds (header, http, connect) are passed over.
 * @throws SyntaxError for a line in neither form
 */
export async function* readFrames(file: string): AsyncGenerator<RecordedFrame> {
  for await (const line of readLines(file)) {
    const recorded = line.startsWith('{') ? fromJson(line) : fromStamped(line)
    if (recorded !== undefined) yield recorded
  }
}

const MICROS_DIGITS = 16

function fromStamped(line: string): RecordedFrame {
  const blank = line.indexOf(' ')
  const stamp = line.slice(0, blank)
  if (!/^(?:\d{16}|\d{19})$/.test(stamp)) throw new SyntaxError(`expected a time and a frame, got ${line.slice(0, 80)}`)
  return { receivedTime: Number(stamp.slice(0, MICROS_DIGITS)), frame: line.slice(blank + 1) }
}

function fromJson(line: string): RecordedFrame | undefined {
  const { t, ts, data } = JSON.parse(line) as Record<string, unknown>
  if (t !== 'recv' || typeof data !== 'string' || typeof ts !== 'number') return undefined
  return { receivedTime: Math.round(ts * 1e6), frame: data }
}
