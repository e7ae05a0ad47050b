import { parseKey } from '../instruments/instrument-key.ts'
import { compileSchema, readYaml } from './checked-yaml.ts'
import { ConfigError } from './config-error.ts'
import type { Markets, SourceConfig, Watchlist } from './markets.ts'

/** What a kind of source offers, or undefined for a kind that does not exist. */
export type ChannelLookup = (kind: string) => { rest: readonly string[]; stream: readonly string[] } | undefined

/** What is wrong with an instrument's key for a kind of source, or null. */
export type KeyCheck = (kind: string, key: string) => string | null

const endpoint = {
  type: 'string',
  optional: true,
  nullable: true,
  pattern: /^(demo|https?:\/\/\S+|wss?:\/\/\S+)$/,
  // The library would show the expression with its backslashes lost.
  messages: { stringPattern: 'expected demo, http(s)://… or ws(s)://…, got {actual}' }
}
const name = { type: 'string', pattern: /^[a-z0-9][a-z0-9-]{0,31}$/ }

const check = compileSchema({
  $$strict: true,
  sources: {
    type: 'array',
    min: 1,
    items: {
      type: 'object',
      strict: true,
      props: {
        name,
        source: name,
        rest: endpoint,
        stream: endpoint,
        userAgents: { type: 'array', items: 'string', default: [] }
      }
    }
  },
  watchlists: {
    type: 'array',
    min: 1,
    items: {
      type: 'object',
      strict: true,
      props: {
        name,
        source: name,
        instruments: { type: 'array', min: 1, max: 20_000, items: 'string' },
        poll: {
          type: 'array',
          default: [],
          items: {
            type: 'object',
            strict: true,
            props: { channel: 'string', intervalMs: { type: 'number', integer: true, min: 100, max: 86_400_000 } }
          }
        },
        stream: { type: 'array', items: 'string', default: [] }
      }
    }
  }
})

/**
 * Reads and checks the text of a markets file.
 * @throws ConfigError with every mistake: `file:line: path: expected …, got …`.
 */
export function readMarkets(
  text: string,
  file: string,
  channelsOf: ChannelLookup,
  keyProblem: KeyCheck = () => null
): Markets {
  const { value: markets, at } = readYaml<Markets>(text, file, check)
  // The validator takes a default of null for no default.
  for (const source of markets.sources)
    Object.assign(source, { rest: source.rest ?? null, stream: source.stream ?? null })
  const problems = [...referenceProblems(markets, channelsOf, keyProblem)].map(
    ([path, problem]) => `${at(path)}: ${problem}`
  )
  if (problems.length > 0) throw new ConfigError(problems)
  return markets
}

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/

type Problem = [path: (string | number)[], problem: string]

/** What only shows when the parts are read together: unknown names, doubled names, keys that are none. */
function* referenceProblems(
  { sources, watchlists }: Markets,
  channelsOf: ChannelLookup,
  keyProblem: KeyCheck
): Generator<Problem> {
  yield* doubled('sources', sources)
  yield* doubled('watchlists', watchlists)
  for (const [index, { source, rest, stream }] of sources.entries()) {
    if (rest !== null && !isSafe(rest, 'https:')) yield [['sources', index, 'rest'], expectedEndpoint('https', rest)]
    if (stream !== null && !isSafe(stream, 'wss:'))
      yield [['sources', index, 'stream'], expectedEndpoint('wss', stream)]
    if (channelsOf(source) === undefined)
      yield [['sources', index, 'source'], `expected a known kind of source, got ${source}`]
  }
  for (const [index, watchlist] of watchlists.entries())
    yield* watchlistProblems(['watchlists', index], watchlist, sources, channelsOf, keyProblem)
}

function* watchlistProblems(
  path: (string | number)[],
  watchlist: Watchlist,
  sources: readonly SourceConfig[],
  channelsOf: ChannelLookup,
  keyProblem: KeyCheck
): Generator<Problem> {
  const source = sources.find(({ name }) => name === watchlist.source)
  if (source === undefined) {
    yield [
      [...path, 'source'],
      `expected one of ${sources.map(({ name }) => name).join(', ')}, got ${watchlist.source}`
    ]
    return
  }
  const channels = channelsOf(source.source)
  const seen = new Set<string>()
  for (const [index, key] of watchlist.instruments.entries()) {
    const problem =
      parseKey(key) === undefined ? `expected venue:type:symbol, got ${key}` : keyProblem(source.source, key)
    if (problem !== null) yield [[...path, 'instruments', index], problem]
    if (seen.has(key)) yield [[...path, 'instruments', index], `expected each instrument once, got ${key} again`]
    seen.add(key)
  }
  if (channels === undefined) return
  for (const [index, { channel }] of watchlist.poll.entries()) {
    if (!channels.rest.includes(channel))
      yield [[...path, 'poll', index, 'channel'], expectedChannel(channels.rest, channel)]
  }
  for (const [index, channel] of watchlist.stream.entries()) {
    if (!channels.stream.includes(channel))
      yield [[...path, 'stream', index], expectedChannel(channels.stream, channel)]
  }
}

/** Whether an endpoint is the demo exchange, encrypted, or on this machine. */
function isSafe(endpoint: string, scheme: string): boolean {
  const url = endpoint === 'demo' ? null : URL.parse(endpoint)
  if (url === null) return endpoint === 'demo'
  return url.protocol === scheme || (url.protocol === scheme.replace('s:', ':') && LOOPBACK.test(url.hostname))
}

function expectedEndpoint(scheme: string, got: string): string {
  return `expected demo, ${scheme}://… or an address of this machine without encryption, got ${got}`
}

function expectedChannel(channels: readonly string[], got: string): string {
  return `expected a channel among ${channels.join(', ')}, got ${got}`
}

function* doubled(list: string, entries: readonly { name: string }[]): Generator<Problem> {
  const seen = new Set<string>()
  for (const [index, entry] of entries.entries()) {
    if (seen.has(entry.name)) yield [[list, index, 'name'], `expected a name once, got ${entry.name} again`]
    seen.add(entry.name)
  }
}
