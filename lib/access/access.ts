import type { Micros } from '../quote/quote.ts'
import { AccessError } from './access-error.ts'
import { type ApiKey, ApiKeys } from './api-keys.ts'
import { networkOf, TrustedProxies } from './client-address.ts'
import { type ConnectionLimits, Connections } from './connections.ts'
import { type Credential, checkCredential } from './credential.ts'
import { anonymous, type Identity } from './identity.ts'
import { KeyFile, type WatchedFile } from './key-file.ts'
import { type AllowedOrigins, allowsOrigin } from './origins.ts'
import { OPEN_PLAN, type Plan } from './plan.ts'
import { type TokenRules, TokenVerifier } from './token-verifier.ts'

/** Who may use the gateway; see `config/access.example.yaml`. */
export interface AccessConfig {
  readonly plans: ReadonlyMap<string, Plan>
  /** The plan of those without a token or key; null demands one. */
  readonly anonymous: Plan | null
  /** Who has not logged in by then is closed, where a login is demanded. */
  readonly authDeadlineMs: number
  /** Before a login ends, the client is told so much earlier. */
  readonly expiryNoticeMs: number
  readonly tokens: TokenRules | null
  /** A JWKS file with more keys of `tokens`. */
  readonly keySet: WatchedFile | null
  readonly apiKeys: readonly ApiKey[]
  readonly origins: AllowedOrigins
  /** Addresses and CIDR ranges. */
  readonly trustedProxies: readonly string[]
  readonly connections: ConnectionLimits
}

/** Everybody may see everything: what holds where nothing is configured. */
export const OPEN_ACCESS = Object.freeze({
  plans: new Map(),
  anonymous: OPEN_PLAN,
  authDeadlineMs: 10_000,
  expiryNoticeMs: 30_000,
  tokens: null,
  keySet: null,
  apiKeys: [],
  origins: 'unsaid',
  trustedProxies: [],
  connections: { total: null, perAddress: null, connectsPerSecond: null, connectBurst: 1 }
}) satisfies AccessConfig

/** The parts of a request that tell where it comes from. */
export interface RequestOrigin {
  /** The address of the other end of the connection. */
  peer: string | undefined
  forwardedFor: string | undefined
  origin: string | undefined
  host: string | undefined
}

export interface AccessDeps {
  /** Told why the JWKS file could not be read again. */
  onProblem?: (problem: string) => void
  now: () => Micros
}

/** Decides who somebody is and whether they may connect. */
export class Access {
  readonly config: AccessConfig
  readonly connections: Connections
  /** What those get who present nothing; null where a login is demanded. */
  readonly anonymous: Identity | null
  readonly #proxies: TrustedProxies
  readonly #apiKeys: ApiKeys
  readonly #verifier: TokenVerifier | null
  readonly #now: () => Micros

  /** @throws Error when the JWKS file cannot be read. */
  constructor(config: AccessConfig, { now, onProblem }: AccessDeps) {
    this.config = config
    this.#now = now
    this.connections = new Connections(config.connections)
    this.anonymous = config.anonymous === null ? null : anonymous(config.anonymous)
    this.#proxies = new TrustedProxies(config.trustedProxies)
    this.#apiKeys = new ApiKeys(config.apiKeys)
    const keyFile = config.keySet === null ? null : new KeyFile(config.keySet, now() / 1000, onProblem)
    this.#verifier = config.tokens === null ? null : new TokenVerifier(config.tokens, keyFile, config.plans)
  }

  /** Whether a login is of any use, or needed. */
  get mode(): 'none' | 'optional' | 'required' {
    if (this.anonymous === null) return 'required'
    return this.config.tokens === null && this.config.apiKeys.length === 0 ? 'none' : 'optional'
  }

  /** Who presents this. @throws AccessError `auth_failed` or `forbidden`. */
  async identify(credential: Credential): Promise<Identity> {
    if (this.mode === 'none') throw new AccessError('auth_failed', 'this gateway does not authenticate')
    checkCredential(credential)
    if (credential.kind === 'key') return this.#apiKeys.identify(credential.key, this.#now())
    if (this.#verifier === null) throw new AccessError('auth_failed', 'this gateway takes API keys only')
    return await this.#verifier.identify(credential.token, this.#now())
  }

  /** What a client's connections are counted under. @throws AccessError `forbidden` for a page that may not connect. */
  addressOf({ peer, forwardedFor, origin, host }: RequestOrigin): string {
    if (!allowsOrigin(this.config.origins, origin, host))
      throw new AccessError('forbidden', 'pages of this origin may not connect')
    return networkOf(this.#proxies.clientOf(peer ?? '', forwardedFor))
  }
}
