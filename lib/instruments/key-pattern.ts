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

/** Whether every key that `other` matches is matched by `pattern`. */
export function coversPattern(pattern: Pattern, other: Pattern): boolean {
  return pattern.segments.every((segment, index) => segment === '*' || segment === other.segments[index])
}

/** The pattern of the keys that both match, or undefined when there are none. */
export function intersectPatterns(one: Pattern, other: Pattern): Pattern | undefined {
  const segments: string[] = []
  for (const [index, segment] of one.segments.entries()) {
    const rival = other.segments[index]!
    if (segment !== '*' && rival !== '*' && segment !== rival) return undefined
    segments.push(segment === '*' ? rival : segment)
  }
  const [venue = '', type = '', symbol = ''] = segments
  return { text: segments.join(':'), segments: [venue, type, symbol] }
}

/**
 * The fewest patterns that match the same keys, sorted by text. Because no finite list of names stands for `*`, two lists that match
 * the same keys come out equal.
 * @returns undefined as soon as more than `max` are needed for those looked at
 */
export function fewestPatterns(patterns: Iterable<Pattern>, max = Number.POSITIVE_INFINITY): Pattern[] | undefined {
  let kept: Pattern[] = []
  for (const pattern of patterns) {
    if (kept.some(other => coversPattern(other, pattern))) continue
    kept = kept.filter(other => !coversPattern(pattern, other))
    kept.push(pattern)
    if (kept.length > max) return undefined
  }
  return kept.sort((a, b) => (a.text < b.text ? -1 : 1))
}
