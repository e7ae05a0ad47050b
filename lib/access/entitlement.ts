import {
  fewestPatterns,
  intersectPatterns,
  matchesPattern,
  type Pattern,
  parsePattern
} from '../instruments/key-pattern.ts'

/** Patterns that one entitlement may have: each is compared with each pattern that a client asks for. */
export const MAX_ENTITLEMENT_PATTERNS = 100

/** Which instruments somebody may see, as patterns on their keys. Immutable; no pattern in it is covered by another. */
export class Entitlement {
  /** Sees every instrument. */
  static readonly all = new Entitlement([{ text: '*:*:*', segments: ['*', '*', '*'] }])
  /** Sees none. */
  static readonly none = new Entitlement([])
  readonly patterns: readonly Pattern[]

  private constructor(fewest: readonly Pattern[]) {
    this.patterns = Object.freeze(fewest)
  }

  /** @returns undefined when there are too many patterns or one of the texts is none. */
  static parse(texts: readonly string[]): Entitlement | undefined {
    if (texts.length > MAX_ENTITLEMENT_PATTERNS) return undefined
    const patterns = texts.map(parsePattern).filter(pattern => pattern !== undefined)
    return patterns.length < texts.length ? undefined : Entitlement.#of(patterns)
  }

  static #of(patterns: readonly Pattern[]): Entitlement | undefined {
    const fewest = fewestPatterns(patterns, MAX_ENTITLEMENT_PATTERNS)
    return fewest && new Entitlement(fewest)
  }

  allows(key: string): boolean {
    const segments = key.split(':')
    return segments.length === 3 && this.matches(segments)
  }

  /** The same for a key in its three segments. */
  matches(segments: readonly string[]): boolean {
    return this.patterns.some(pattern => matchesPattern(pattern, segments))
  }

  /** What of a pattern's instruments may be seen: patterns that match these and no others; none when that is nothing. */
  narrow(pattern: Pattern): Pattern[] {
    return this.patterns.map(own => intersectPatterns(own, pattern)).filter(both => both !== undefined)
  }

  /** What both allow. @returns undefined when that takes too many patterns. */
  and(other: Entitlement): Entitlement | undefined {
    return Entitlement.#of(other.patterns.flatMap(pattern => this.narrow(pattern)))
  }
}
