import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Micros } from '../quote/quote.ts'
import { AccessError } from './access-error.ts'
import type { Entitlement } from './entitlement.ts'
import type { Identity } from './identity.ts'
import type { Plan } from './plan.ts'

/** One API key, known by its hash only. */
export interface ApiKey {
  readonly user: string
  readonly plan: Plan
  readonly entitlement: Entitlement
  /** SHA-256 of the key's text. */
  readonly hash: Buffer
  readonly expiresAt: Micros | null
  readonly isAdmin: boolean
}

const PREFIX = 'qc_'
const KEY_BYTES = 32
const KEY = /^qc_[A-Za-z0-9_-]{43}$/
/** The form in which a file holds a hash. */
export const KEY_HASH = /^sha256:[0-9a-f]{64}$/

/**
 * API keys by their hashes. A key is 256 random bits, so one round of SHA-256 keeps it: there is nothing to guess, which slow hashes
 * are for. Texts of another form, such as chosen passwords, are refused.
 */
export class ApiKeys {
  /** By the beginning of the hash, which tells nothing of the key; the rest is compared in constant time. */
  readonly #keys = new Map<string, ApiKey[]>()

  constructor(keys: Iterable<ApiKey>) {
    for (const key of keys) {
      const bucket = bucketOf(key.hash)
      this.#keys.set(bucket, [...(this.#keys.get(bucket) ?? []), key])
    }
  }

  /** Whose key it is. @throws AccessError `auth_failed`. */
  identify(text: string, now: Micros): Identity {
    if (!KEY.test(text)) throw new AccessError('auth_failed', 'expected an API key, qc_ and 43 characters')
    const digest = hashKey(text)
    const found = this.#keys.get(bucketOf(digest))?.find(key => timingSafeEqual(key.hash, digest))
    if (found === undefined) throw new AccessError('auth_failed', 'no such API key')
    const { user, plan, entitlement, isAdmin, expiresAt } = found
    if (expiresAt !== null && expiresAt <= now) throw new AccessError('auth_failed', 'the API key has expired')
    return Object.freeze({ user, plan, entitlement, isAdmin, expiresAt })
  }
}

/** A new key, and the form of it that a file may hold. */
export function makeApiKey(): { key: string; hash: string } {
  const key = PREFIX + randomBytes(KEY_BYTES).toString('base64url')
  return { key, hash: `sha256:${hashKey(key).toString('hex')}` }
}

function hashKey(text: string): Buffer {
  return hash('sha256', text, 'buffer')
}

function bucketOf(digest: Buffer): string {
  return digest.toString('hex', 0, 4)
}
