import type { Entitlement } from '../access/entitlement.ts'
import { fewestPatterns } from '../instruments/key-pattern.ts'
import type { Signature } from './signature.ts'

/**
 * What is left of a subscription for somebody with this entitlement; the same signature when that is all of it. Patterns that would
 * become more than `maxPatterns`, or than the entitlement has, are taken away altogether.
 */
export function entitledPart(signature: Signature, entitlement: Entitlement, maxPatterns: number): Signature {
  const max = Math.max(maxPatterns, entitlement.patterns.length)
  const patterns = signature.patterns.flatMap(pattern => entitlement.narrow(pattern))
  return {
    ...signature,
    keys: signature.keys.filter(key => entitlement.allows(key)),
    patterns: fewestPatterns(patterns, max) ?? []
  }
}
