import { parseKey } from '../instruments/instrument-key.ts'
import { fewestPatterns, type Pattern, parsePattern } from '../instruments/key-pattern.ts'
import { MessageError } from './message-error.ts'
import type { EncodingName, Rejection, RequestId, SubscriptionRequest } from './protocol.ts'
import type { Rights } from './rights.ts'
import { canonicalFields, DEFAULT_FIELDS } from './row-field.ts'
import { type Signature, sortedUnique } from './signature.ts'

const NOT_ENTITLED = 'outside of what you may see'
/** As much of a bad name as is echoed. */
const MAX_ECHO = 128

export interface SignatureRequest {
  readonly request: SubscriptionRequest
  readonly rights: Rights
  readonly encoding: EncodingName
  /** Whether there is such an instrument. */
  isThere(key: string): boolean
  readonly id: RequestId
  /** Takes the keys and patterns that are left out, and why. */
  readonly rejected: Rejection[]
}

/** What a request asks for, as far as its client may see it. @throws MessageError when it is refused as a whole */
export function requestedSignature({ request, rights, encoding, isThere, id, rejected }: SignatureRequest): Signature {
  const { limits, entitlement } = rights
  if (request.patterns.length > limits.patterns)
    throw new MessageError(400, `patterns: expected at most ${limits.patterns}, got ${request.patterns.length}`, id)
  const keys = sortedUnique(request.keys).filter(key => {
    const isSeen = entitlement.allows(key)
    if (isSeen && isThere(key)) return true
    // The same whether there is such an instrument or not, so that nobody learns it.
    if (!isSeen && parseKey(key) !== undefined) rejected.push({ key, code: 403, message: NOT_ENTITLED })
    else rejected.push({ key: key.slice(0, MAX_ECHO), code: 404, message: 'unknown instrument' })
    return false
  })
  const patterns: Pattern[] = []
  for (const text of sortedUnique(request.patterns)) {
    const pattern = parsePattern(text)
    const seen = pattern && entitlement.narrow(pattern)
    if (seen !== undefined && seen.length > 0) patterns.push(...seen)
    else if (seen !== undefined) rejected.push({ pattern: text, code: 403, message: NOT_ENTITLED })
    else
      rejected.push({
        pattern: text.slice(0, MAX_ECHO),
        code: 400,
        message: 'expected venue:type:symbol, each a name or *'
      })
  }
  const maxPatterns = Math.max(limits.patterns, entitlement.patterns.length)
  const fewest = fewestPatterns(patterns, maxPatterns)
  if (fewest === undefined)
    throw new MessageError(405, `patterns: expected at most ${maxPatterns} within what you may see, got more`, id)
  return {
    keys,
    patterns: fewest,
    fields: canonicalFields(request.fields ?? DEFAULT_FIELDS),
    intervalMs: allowedInterval(rights, request.intervalMs, id),
    mode: request.mode,
    rows: request.rows,
    encoding
  }
}

/** Intervals below the minimum are raised to it; the answer says so. @throws MessageError for one above the maximum */
export function allowedInterval({ limits }: Rights, intervalMs: number, id: RequestId): number {
  const { minIntervalMs, maxIntervalMs } = limits
  if (intervalMs > maxIntervalMs)
    throw new MessageError(400, `intervalMs: expected at most ${maxIntervalMs}, got ${intervalMs}`, id)
  return Math.max(intervalMs, minIntervalMs)
}
