import { deepEqual } from 'node:assert/strict'
import { constants, deflateRawSync, inflateRawSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { Quote } from '../lib/quote/quote.ts'
import { quotesCodec } from '../lib/quote/quotes-codec.ts'
import { fullBatches } from './kit/full-quotes.ts'
import { median } from './kit/statistics.ts'

/** What does it cost to write and read a batch of full quotes, and what does it weigh? */
const BATCHES = 20
const SIZE = 1_000
const ROUNDS = 15
/** Until the code is compiled. */
const WARM_UP = 5
const OPTIONAL = ['msgpackr', 'cbor-x'] as const

interface Encoding {
  encode(quotes: Quote[]): Buffer
  decode(data: Buffer): Quote[]
}

const columns: Encoding = {
  encode: quotes => quotesCodec.encode({ source: 'bench', quotes }),
  decode: data => quotesCodec.decode(data).quotes
}
const zstd = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }

export async function run(): Promise<void> {
  const encodings = new Map<string, Encoding>([
    ['JSON by rows', { encode: quotes => Buffer.from(JSON.stringify(quotes)), decode: data => JSON.parse(`${data}`) }],
    ['columns (in use)', columns],
    ['columns, zstd 1', compressed(data => zstdCompressSync(data, zstd), zstdDecompressSync)],
    ['columns, deflate 1', compressed(data => deflateRawSync(data, { level: 1 }), inflateRawSync)]
  ])
  for (const name of OPTIONAL) {
    const encoding = await openOptional(name)
    if (encoding !== undefined) encodings.set(`${name}, records`, encoding)
  }
  const batches = fullBatches(BATCHES, SIZE)
  const times = new Map([...encodings.keys()].map(name => [name, { encode: [] as number[], decode: [] as number[] }]))
  const bytes = new Map<string, number>()
  for (let round = 0; round < WARM_UP + ROUNDS; round++) {
    for (const [name, { encode, decode }] of encodings) {
      const start = performance.now()
      const written = batches.map(encode)
      const middle = performance.now()
      // What was read is let go at once, as a handler does.
      for (const data of written) decode(data)
      const end = performance.now()
      if (round === 0) deepEqual(decode(written[1]!), batches[1], name)
      if (round < WARM_UP) continue
      times.get(name)?.encode.push(middle - start)
      times.get(name)?.decode.push(end - middle)
      bytes.set(name, written.reduce((sum, data) => sum + data.length, 0) / BATCHES / SIZE)
    }
  }
  console.log(`Full 20-field quotes, ${SIZE} per batch; medians of ${ROUNDS} rounds.`)
  const perQuote = (ms: number[]) => Number(((median(ms) * 1_000) / BATCHES / SIZE).toFixed(2))
  const rows = [...times].map(([name, { encode, decode }]) => [
    name,
    { 'bytes/quote': Math.round(bytes.get(name) ?? 0), 'µs to write': perQuote(encode), 'µs to read': perQuote(decode) }
  ])
  console.table(Object.fromEntries(rows))
  console.log(JSON.stringify({ bench: 'encoding', ...Object.fromEntries(rows) }))
}

function compressed(pack: (data: Buffer) => Buffer, unpack: (data: Buffer) => Buffer): Encoding {
  return {
    encode: quotes => pack(columns.encode(quotes)),
    decode: data => columns.decode(unpack(data))
  }
}

/** Packages that quotecast does not need are compared where somebody has installed them. */
async function openOptional(name: (typeof OPTIONAL)[number]): Promise<Encoding | undefined> {
  try {
    const library: Record<string, new (options: object) => Encoding> = await import(name)
    const Encoder = library.Packr ?? library.Encoder
    if (Encoder === undefined) throw new Error(`expected an encoder in ${name}`)
    const encoder = new Encoder({ useRecords: true })
    return { encode: quotes => encoder.encode(quotes), decode: data => encoder.decode(data) }
  } catch {
    console.log(`${name} left out: npm install --no-save --ignore-scripts ${name}`)
    return undefined
  }
}
