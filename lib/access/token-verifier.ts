import { decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose'
import type { Micros } from '../quote/quote.ts'
import { AccessError } from './access-error.ts'
import { Entitlement, MAX_ENTITLEMENT_PATTERNS } from './entitlement.ts'
import type { Identity } from './identity.ts'
import type { KeyFile } from './key-file.ts'
import type { Plan } from './plan.ts'
import type { VerificationKey } from './verification-key.ts'

/** Which tokens are taken, and what they mean. */
export interface TokenRules {
  readonly issuer: string
  readonly audience: string
  /** By how much clocks may differ. */
  readonly clockToleranceS: number
  /** The plan of tokens that name none; null refuses them. */
  readonly plan: string | null
  readonly keys: readonly VerificationKey[]
}

const MAX_USER = 128

/**
 * Verifies JSON Web Tokens. A token's algorithm decides which keys are tried, and every key is for one algorithm. `sub` and `exp` are
 * required; `plan` and `patterns` are read.
 */
export class TokenVerifier {
  readonly #rules: TokenRules
  readonly #file: KeyFile | null
  readonly #plans: ReadonlyMap<string, Plan>

  constructor(rules: TokenRules, file: KeyFile | null, plans: ReadonlyMap<string, Plan>) {
    this.#rules = rules
    this.#file = file
    this.#plans = plans
  }

  /** Whose token it is. @throws AccessError `auth_failed` for a token that is no good, `forbidden` for a plan that is none here. */
  async identify(token: string, now: Micros): Promise<Identity> {
    const claims = await this.#verify(token, now)
    const { sub, exp = 0 } = claims
    if (typeof sub !== 'string' || sub === '' || sub.length > MAX_USER)
      throw new AccessError('auth_failed', `sub: expected a text of at most ${MAX_USER} characters`)
    const plan = this.#planOf(claims)
    return Object.freeze({
      user: sub,
      plan,
      entitlement: entitlementOf(claims, plan),
      // Only a key that stands in the access file may: who signs tokens decides nothing here.
      isAdmin: false,
      expiresAt: Math.min(Number.MAX_SAFE_INTEGER, Math.floor((exp + this.#rules.clockToleranceS) * 1e6))
    })
  }

  async #verify(token: string, now: Micros): Promise<JWTPayload> {
    const { issuer, audience, clockToleranceS: clockTolerance } = this.#rules
    for (const { algorithm, key } of this.#candidates(token, now)) {
      try {
        const options = { algorithms: [algorithm], issuer, audience, clockTolerance, currentDate: new Date(now / 1000) }
        const { payload } = await jwtVerify(token, key, { ...options, requiredClaims: ['sub', 'exp'] })
        return payload
      } catch (error) {
        if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw refusalOf(error)
      }
    }
    throw new AccessError('auth_failed', 'no key of this gateway verifies the token')
  }

  /** The keys that a token may be signed with, by its algorithm and its key's name. */
  #candidates(token: string, now: Micros): VerificationKey[] {
    let header: ReturnType<typeof decodeProtectedHeader>
    try {
      header = decodeProtectedHeader(token)
    } catch {
      throw new AccessError('auth_failed', 'expected a JSON Web Token')
    }
    const { alg, kid } = header
    const keys = [...this.#rules.keys, ...(this.#file?.keys(now / 1000) ?? [])]
    return keys.filter(key => key.algorithm === alg && (kid === undefined || key.kid === null || key.kid === kid))
  }

  #planOf({ plan }: JWTPayload): Plan {
    const name = plan ?? this.#rules.plan
    const known = typeof name === 'string' ? this.#plans.get(name) : undefined
    if (known === undefined) throw new AccessError('forbidden', 'plan: expected one of this gateway')
    return known
  }
}

/** What both the plan and the token allow; a token without `patterns` is not narrower than its plan. */
function entitlementOf({ patterns }: JWTPayload, plan: Plan): Entitlement {
  if (patterns === undefined) return plan.entitlement
  const isList = Array.isArray(patterns) && patterns.every(pattern => typeof pattern === 'string')
  const both = isList ? Entitlement.parse(patterns)?.and(plan.entitlement) : undefined
  if (both === undefined)
    throw new AccessError('auth_failed', `patterns: expected at most ${MAX_ENTITLEMENT_PATTERNS} of venue:type:symbol`)
  return both
}

/** The library's errors carry the token's claims, so nothing but the reason is taken over. */
function refusalOf(error: unknown): AccessError {
  if (error instanceof errors.JWTExpired) return new AccessError('auth_failed', 'the token has expired')
  if (error instanceof errors.JWTClaimValidationFailed)
    return new AccessError('auth_failed', `the token's ${error.claim} is not the expected one`)
  return new AccessError('auth_failed', 'the token could not be verified')
}
