/** A pattern on instrument keys: three segments, each a text or `*` for any. */
export interface Pattern {
  readonly text: string
  readonly segments: readonly [string, string, string]
}

const MAX_LENGTH = 128
const SEGMENT = /^(?:\*|[^\s:\p{Cc}|*]{1,64})$/u

/** The pattern of a text such as `okx:spot:*`, or undefined when it is not one. */
export function parsePattern(text: string): Pattern | undefined {
  if (text.length > MAX_LENGTH) return undefined
  const [venue, type, symbol, ...rest] = text.split(':')
  if (venue === undefined || type === undefined || symbol === undefined || rest.length > 0) return undefined
  const segments = [venue, type, symbol] as const
  return segments.every(segment => SEGMENT.test(segment)) ? { text, segments } : undefined
}

/** Whether a key, given by its segments, matches. */
export function matchesPattern({ segments }: Pattern, key: readonly string[]): boolean {
  return segments.every((segment, index) => segment === '*' || segment === key[index])
}
