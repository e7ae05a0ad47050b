import { binance } from './binance/binance.ts'
import { type Source, SourceError } from './source.ts'

/** Every kind of source, by the name that the configuration uses. */
const SOURCES: ReadonlyMap<string, Source> = new Map([binance].map(source => [source.name, source]))

/** The source of a kind. @throws SourceError `unknown_source`, naming the kinds that exist. */
export function findSource(kind: string): Source {
  const source = SOURCES.get(kind)
  if (source === undefined) {
    throw new SourceError(
      'unknown_source',
      `expected one of ${[...SOURCES.keys()].join(', ')}, got ${JSON.stringify(kind)}`
    )
  }
  return source
}

/** The channels that a kind of source offers, or undefined for a kind that does not exist. */
export function channelsOf(kind: string): { rest: readonly string[]; stream: readonly string[] } | undefined {
  const source = SOURCES.get(kind)
  return source && { rest: source.rest?.channels ?? [], stream: source.stream?.channels ?? [] }
}

/** What is wrong with a key for a kind of source, or null: nothing is, or the kind does not exist. */
export function keyProblem(kind: string, key: string): string | null {
  try {
    SOURCES.get(kind)?.symbolOf(key)
    return null
  } catch (error) {
    if (!(error instanceof SourceError)) throw error
    return error.message
  }
}
