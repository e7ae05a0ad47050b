import { createSecretKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { SignJWT } from 'jose'
import { Access, type AccessConfig, OPEN_ACCESS } from '../../lib/access/access.ts'
import { type ApiKey, makeApiKey } from '../../lib/access/api-keys.ts'
import { Entitlement } from '../../lib/access/entitlement.ts'
import { OPEN_PLAN, type Plan } from '../../lib/access/plan.ts'
import type { TokenRules } from '../../lib/access/token-verifier.ts'

export const ISSUER = 'https://id.test'
export const AUDIENCE = 'quotecast'
/** Seconds; the tests' clock stands still there. */
export const NOW_S = 1_800_000_000

export const SECRET = createSecretKey(Buffer.from('a secret of the tests, of 32 bytes or more'))
export const RSA = generateKeyPairSync('rsa', { modulusLength: 2048 })
export const OTHER_RSA = generateKeyPairSync('rsa', { modulusLength: 2048 })
export const ED = generateKeyPairSync('ed25519')

export function entitlementTo(...patterns: string[]): Entitlement {
  const entitlement = Entitlement.parse(patterns)
  if (entitlement === undefined) throw new Error(`expected patterns, got ${patterns}`)
  return entitlement
}

export function makePlan(name: string, patterns: string[], limits: Partial<Plan> = {}): Plan {
  return { ...OPEN_PLAN, name, entitlement: entitlementTo(...patterns), ...limits }
}

export const PRO = makePlan('pro', ['*:*:*'])

export const RULES: TokenRules = {
  issuer: ISSUER,
  audience: AUDIENCE,
  clockToleranceS: 5,
  plan: null,
  keys: [
    { algorithm: 'HS256', kid: null, key: SECRET },
    { algorithm: 'RS256', kid: 'rsa', key: RSA.publicKey },
    { algorithm: 'EdDSA', kid: 'ed', key: ED.publicKey }
  ]
}

/** A demanded login by token or key, with plan `pro`; everything else open. */
export function accessConfig(config: Partial<AccessConfig> = {}): AccessConfig {
  return { ...OPEN_ACCESS, plans: new Map([['pro', PRO]]), anonymous: null, tokens: RULES, ...config }
}

export function makeAccess(config: Partial<AccessConfig> = {}, now: () => number = () => NOW_S * 1e6): Access {
  return new Access(accessConfig(config), { now })
}

interface TokenParts {
  header?: { alg?: string; kid?: string }
  key?: KeyObject
  claims?: Record<string, unknown>
  /** The same as in the claims; here for the tests' brevity. */
  sub?: string
  exp?: number
}

/** A token that is good unless it is told otherwise. An undefined claim is left out. */
export function makeToken({
  header = {},
  key = SECRET,
  claims,
  sub = 'u1',
  exp = NOW_S + 60
}: TokenParts = {}): Promise<string> {
  return new SignJWT({ iss: ISSUER, aud: AUDIENCE, sub, exp, plan: 'pro', ...claims })
    .setProtectedHeader({ alg: 'HS256', ...header })
    .sign(key)
}

/** An API key and what the gateway knows of it. */
export function makeKeyEntry(user: string, plan: Plan, more: Partial<ApiKey> = {}): { key: string; entry: ApiKey } {
  const { key, hash } = makeApiKey()
  const known = { hash: Buffer.from(hash.slice(7), 'hex'), isAdmin: false, expiresAt: null }
  const entry = { user, plan, entitlement: plan.entitlement, ...known }
  return { key, entry: { ...entry, ...more } }
}
