import { type RestCall, SourceError } from '../source.ts'
import { symbolOf } from './symbols.ts'

/** The channel that fills the catalogue. */
export const INSTRUMENTS = 'instruments'

/** The limits that a call's cost counts against, by name. */
export const REQUEST_WEIGHT = 'REQUEST_WEIGHT'
export const RAW_REQUESTS = 'RAW_REQUESTS'

/** What a request for one symbol, for a list, and for the whole market weighs. */
interface Endpoint {
  readonly path: string
  readonly one: number
  readonly list: number
  readonly all: number
  /** The most symbols that a list may hold at that weight. */
  readonly listSize: number
}

const ENDPOINTS: ReadonlyMap<string, Endpoint> = new Map([
  ['price', { path: '/api/v3/ticker/price', one: 2, list: 4, all: 4, listSize: Number.POSITIVE_INFINITY }],
  ['bookTicker', { path: '/api/v3/ticker/bookTicker', one: 2, list: 4, all: 4, listSize: Number.POSITIVE_INFINITY }],
  ['24hr', { path: '/api/v3/ticker/24hr', one: 2, list: 2, all: 80, listSize: 20 }],
  [INSTRUMENTS, { path: '/api/v3/exchangeInfo', one: 20, list: 20, all: 20, listSize: Number.POSITIVE_INFINITY }]
])

export const REST_CHANNELS: readonly string[] = [...ENDPOINTS.keys()]

/** Front servers commonly refuse a request line beyond 8 KiB. */
const MAX_PATH_CHARACTERS = 6_000

/**
 * The cheapest requests for these keys: one symbol by itself, lists, or the whole market where lists would weigh as much.
 * No keys mean no request, except for the catalogue, where they mean all.
 * @throws SourceError `unsupported_channel`, `unsupported_key`
 */
export function plan(channel: string, keys: readonly string[]): RestCall[] {
  const endpoint = ENDPOINTS.get(channel)
  if (endpoint === undefined) {
    throw new SourceError('unsupported_channel', `expected one of ${REST_CHANNELS.join(', ')}, got ${channel}`)
  }
  const call = (query: string, weight: number, of: readonly string[]): RestCall => ({
    channel,
    path: endpoint.path + query,
    cost: { [REQUEST_WEIGHT]: weight, [RAW_REQUESTS]: 1 },
    keys: of
  })
  const distinct = [...new Set(keys)]
  if (distinct.length === 0) return channel === INSTRUMENTS ? [call('', endpoint.all, [])] : []

  const chunks = cut(distinct, endpoint.listSize)
  const listWeight = chunks.reduce((sum, { length }) => sum + (length === 1 ? endpoint.one : endpoint.list), 0)
  if (chunks.length > 1 && listWeight >= endpoint.all) return [call('', endpoint.all, distinct)]
  return chunks.map(chunk =>
    chunk.length === 1
      ? call(`?symbol=${encodeURIComponent(symbolOf(chunk[0]!))}`, endpoint.one, chunk)
      : call(`?symbols=${encodeURIComponent(JSON.stringify(chunk.map(symbolOf)))}`, endpoint.list, chunk)
  )
}

/** Chunks of at most `size` keys whose list fits the request line. */
function cut(keys: readonly string[], size: number): string[][] {
  const chunks: string[][] = []
  let chunk: string[] = []
  let characters = 0
  for (const key of keys) {
    const cost = encodeURIComponent(`"${symbolOf(key)}",`).length
    if (chunk.length > 0 && (chunk.length === size || characters + cost > MAX_PATH_CHARACTERS)) {
      chunks.push(chunk)
      chunk = []
      characters = 0
    }
    chunk.push(key)
    characters += cost
  }
  if (chunk.length > 0) chunks.push(chunk)
  return chunks
}
