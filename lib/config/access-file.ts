import { KEY_HASH } from '../access/api-keys.ts'
import { MAX_ENTITLEMENT_PATTERNS } from '../access/entitlement.ts'
import { TOKEN_ALGORITHMS, type TokenAlgorithm } from '../access/verification-key.ts'
import { compileSchema } from './checked-yaml.ts'

/** The file as it is written. */
export interface AccessFile {
  anonymous?: string
  authDeadlineMs?: number
  expiryNoticeMs?: number
  plans: Record<string, PlanEntry>
  jwt?: JwtEntry
  apiKeys?: KeyEntry[]
  origins?: string | string[]
  trustedProxies?: readonly string[]
  connections?: { total?: number; perAddress?: number; connectsPerSecond?: number; connectBurst?: number }
}

export interface PlanEntry {
  patterns: string[]
  minIntervalMs?: number
  symbols?: number
  subscriptions?: number
  messagesPerSecond?: number
  requestsPerSecond?: number
  connections?: number
}

export interface JwtEntry {
  issuer: string
  audience: string
  clockToleranceS?: number
  plan?: string
  keys?: { algorithm: TokenAlgorithm; file: string; kid?: string }[]
  jwks?: string
}

export interface KeyEntry {
  user: string
  plan: string
  hash: string
  admin?: boolean
  patterns?: string[]
  expires?: string
}

const count = (min: number, max: number) => ({ type: 'number', integer: true, optional: true, min, max })
const patterns = { type: 'array', max: MAX_ENTITLEMENT_PATTERNS, items: 'string' }
const text = { type: 'string', min: 1, max: 128 }

/** Checks the form; what its parts mean together, `readAccess` does. */
export const checkAccessFile = compileSchema({
  $$strict: true,
  anonymous: { ...text, optional: true },
  authDeadlineMs: count(1_000, 60_000),
  expiryNoticeMs: count(1_000, 3_600_000),
  plans: {
    type: 'record',
    key: { type: 'string', pattern: /^[\w-]{1,32}$/ },
    value: {
      type: 'object',
      strict: true,
      props: {
        patterns,
        minIntervalMs: count(0, 60_000),
        symbols: count(0, 1_000_000),
        subscriptions: count(1, 10_000),
        messagesPerSecond: count(1, 10_000),
        requestsPerSecond: count(1, 10_000),
        connections: count(1, 1_000_000)
      }
    }
  },
  jwt: {
    type: 'object',
    strict: true,
    optional: true,
    props: {
      issuer: text,
      audience: text,
      clockToleranceS: count(0, 300),
      plan: { ...text, optional: true },
      jwks: { ...text, optional: true },
      keys: {
        type: 'array',
        optional: true,
        max: 32,
        items: {
          type: 'object',
          strict: true,
          props: { algorithm: { type: 'enum', values: [...TOKEN_ALGORITHMS] }, file: 'string', kid: 'string|optional' }
        }
      }
    }
  },
  apiKeys: {
    type: 'array',
    optional: true,
    max: 100_000,
    items: {
      type: 'object',
      strict: true,
      props: {
        user: text,
        plan: text,
        // Whoever put the key itself there must not find it in a log.
        hash: { type: 'string', pattern: KEY_HASH, messages: { stringPattern: 'expected sha256: and 64 hex digits' } },
        admin: 'boolean|optional',
        patterns: { ...patterns, optional: true },
        expires: { type: 'string', optional: true }
      }
    }
  },
  origins: [
    { type: 'enum', values: ['any'], optional: true },
    { type: 'array', items: 'string', optional: true }
  ],
  trustedProxies: { type: 'array', optional: true, items: 'string' },
  connections: {
    type: 'object',
    strict: true,
    optional: true,
    props: {
      total: count(1, 1_000_000),
      perAddress: count(1, 1_000_000),
      connectsPerSecond: count(1, 10_000),
      connectBurst: count(1, 10_000)
    }
  }
})
