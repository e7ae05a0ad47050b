import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto'

/** What tokens may be signed with; nothing else is ever accepted, `none` least of all. */
export const TOKEN_ALGORITHMS = ['HS256', 'RS256', 'EdDSA'] as const
export type TokenAlgorithm = (typeof TOKEN_ALGORITHMS)[number]

/** A key that verifies tokens, for one algorithm only: a public key is never taken for a shared secret. */
export interface VerificationKey {
  readonly algorithm: TokenAlgorithm
  /** The name that tokens call it by; null when they need not. */
  readonly kid: string | null
  readonly key: KeyObject
}

/** RFC 7518 asks for as many bits as the hash has. */
const MIN_SECRET_BYTES = 32
const MIN_RSA_BITS = 2048
const MAX_KEYS = 32

/**
 * The key of a file: a shared secret for HS256, else a public key as PEM.
 * @throws Error that says what was expected and what came, without the content.
 */
export function readVerificationKey(algorithm: TokenAlgorithm, text: string, kid: string | null): VerificationKey {
  if (algorithm === 'HS256') return { algorithm, kid, key: secretOf(text.trim()) }
  if (text.includes('PRIVATE KEY')) throw new Error('expected a public key as PEM, got a private one')
  let key: KeyObject
  try {
    key = createPublicKey(text)
  } catch {
    throw new Error('expected a public key as PEM, got something else')
  }
  checkKind(algorithm, key)
  return { algorithm, kid, key }
}

/** The signing keys of a JWKS file (RFC 7517). Keys for other uses and algorithms are left out. @throws Error as above. */
export function readKeySet(text: string): VerificationKey[] {
  const set = parseSet(text)
  if (set === undefined) throw new Error('expected a JWKS, {"keys":[…]}, got something else')
  if (set.length > MAX_KEYS) throw new Error(`expected at most ${MAX_KEYS} keys, got ${set.length}`)
  return set.flatMap((jwk, index) => readJwk(jwk, index) ?? [])
}

function readJwk(jwk: Readonly<Record<string, unknown>>, index: number): VerificationKey | undefined {
  const { kty, kid, use, alg } = jwk
  const place = `keys[${index}]`
  if (kty === 'oct' || 'd' in jwk) throw new Error(`${place}: expected a public key, got a secret one`)
  const algorithm = kty === 'RSA' ? 'RS256' : kty === 'OKP' && jwk.crv === 'Ed25519' ? 'EdDSA' : undefined
  if (algorithm === undefined || (use !== undefined && use !== 'sig') || (alg !== undefined && alg !== algorithm))
    return undefined
  if (typeof kid !== 'string' || kid === '') throw new Error(`${place}: expected a kid, got none`)
  let key: KeyObject
  try {
    key = createPublicKey({ key: { ...jwk }, format: 'jwk' })
  } catch {
    throw new Error(`${place}: expected a key of kind ${kty}, got something else`)
  }
  checkKind(algorithm, key)
  return { algorithm, kid, key }
}

function secretOf(text: string): KeyObject {
  if (text.includes('-----BEGIN')) throw new Error('expected a shared secret, got a PEM file')
  const bytes = Buffer.from(text)
  if (bytes.length < MIN_SECRET_BYTES)
    throw new Error(`expected a shared secret of at least ${MIN_SECRET_BYTES} bytes, got ${bytes.length}`)
  return createSecretKey(bytes)
}

function checkKind(algorithm: TokenAlgorithm, key: KeyObject): void {
  const expected = algorithm === 'RS256' ? 'rsa' : 'ed25519'
  const { asymmetricKeyType: kind, asymmetricKeyDetails: details } = key
  if (kind !== expected) throw new Error(`expected a key of kind ${expected} for ${algorithm}, got ${kind}`)
  const bits = details?.modulusLength
  if (bits !== undefined && bits < MIN_RSA_BITS) throw new Error(`expected at least ${MIN_RSA_BITS} bits, got ${bits}`)
}

function parseSet(text: string): Record<string, unknown>[] | undefined {
  try {
    const { keys } = JSON.parse(text) as { keys?: unknown }
    const isSet = Array.isArray(keys) && keys.every(key => typeof key === 'object' && key !== null)
    return isSet ? (keys as Record<string, unknown>[]) : undefined
  } catch {
    return undefined
  }
}
