import { type AccessConfig, OPEN_ACCESS } from '../access/access.ts'
import type { ApiKey } from '../access/api-keys.ts'
import { isRange } from '../access/client-address.ts'
import { Entitlement } from '../access/entitlement.ts'
import type { WatchedFile } from '../access/key-file.ts'
import { ORIGIN } from '../access/origins.ts'
import type { Plan } from '../access/plan.ts'
import type { TokenRules } from '../access/token-verifier.ts'
import { readKeySet, readVerificationKey, type VerificationKey } from '../access/verification-key.ts'
import { type AccessFile, checkAccessFile, type JwtEntry, type KeyEntry, type PlanEntry } from './access-file.ts'
import { readYaml } from './checked-yaml.ts'
import { ConfigError } from './config-error.ts'

const TIME = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/
const DEFAULT_TOLERANCE_S = 5
const DEFAULT_BURST = 20

/** The files that an access file names, by paths relative to it. */
export interface AccessFiles {
  read(path: string): string
  watch(path: string): WatchedFile
}

/**
 * Reads and checks the text of an access file and the keys that it names.
 * @param trustedProxies those where the file says nothing of them
 * @throws ConfigError with every mistake, `file:line: path: expected …, got …`; nothing of a secret or a hash is in it.
 */
export function readAccess(
  yaml: string,
  file: string,
  files: AccessFiles,
  trustedProxies: readonly string[] = []
): AccessConfig {
  const { value, at } = readYaml<AccessFile>(yaml, file, checkAccessFile)
  const problems: string[] = []
  const reader = new AccessReader(files, (path, problem) =>
    problems.push(`${at(path)}: ${path.join('.').replace(/\.(\d+)/g, '[$1]')}: ${problem}`)
  )
  const config = reader.read({ trustedProxies, ...value })
  if (problems.length > 0) throw new ConfigError(problems)
  return Object.freeze(config)
}

type Path = readonly (string | number)[]

/** What only shows when the parts are read together: plans that do not exist, patterns that are none, keys that cannot be read. */
class AccessReader {
  readonly #files: AccessFiles
  readonly #refuse: (path: Path, problem: string) => void

  constructor(files: AccessFiles, refuse: (path: Path, problem: string) => void) {
    this.#files = files
    this.#refuse = refuse
  }

  read(value: AccessFile & { trustedProxies: readonly string[] }): AccessConfig {
    const plans = new Map(Object.entries(value.plans).map(([name, entry]) => [name, this.#plan(name, entry)]))
    if (plans.size === 0) this.#refuse(['plans'], 'expected at least one plan, got none')
    const { jwt, apiKeys = [], connections = {} } = value
    if (value.anonymous === undefined && jwt === undefined && apiKeys.length === 0)
      this.#refuse([], 'expected anonymous, jwt or apiKeys, got none: nobody could log in')
    return {
      plans,
      anonymous: value.anonymous === undefined ? null : this.#planNamed(['anonymous'], value.anonymous, plans),
      authDeadlineMs: value.authDeadlineMs ?? OPEN_ACCESS.authDeadlineMs,
      expiryNoticeMs: value.expiryNoticeMs ?? OPEN_ACCESS.expiryNoticeMs,
      tokens: jwt === undefined ? null : this.#tokens(jwt, plans),
      keySet: jwt?.jwks === undefined ? null : this.#keySet(jwt.jwks),
      apiKeys: this.#apiKeys(apiKeys, plans),
      origins: this.#origins(value.origins),
      trustedProxies: this.#ranges(value.trustedProxies),
      connections: {
        total: connections.total ?? null,
        perAddress: connections.perAddress ?? null,
        connectsPerSecond: connections.connectsPerSecond ?? null,
        connectBurst: connections.connectBurst ?? DEFAULT_BURST
      }
    }
  }

  #plan(name: string, entry: PlanEntry): Plan {
    return Object.freeze({
      name,
      entitlement: this.#entitlement(['plans', name, 'patterns'], entry.patterns),
      minIntervalMs: entry.minIntervalMs ?? 0,
      symbols: entry.symbols ?? null,
      subscriptions: entry.subscriptions ?? null,
      messagesPerSecond: entry.messagesPerSecond ?? null,
      requestsPerSecond: entry.requestsPerSecond ?? null,
      connections: entry.connections ?? null
    })
  }

  #planNamed(path: Path, name: string, plans: ReadonlyMap<string, Plan>): Plan {
    const plan = plans.get(name)
    if (plan === undefined) this.#refuse(path, `expected one of ${[...plans.keys()].join(', ')}, got ${name}`)
    // A config with problems is thrown away.
    return plan ?? [...plans.values()][0] ?? this.#plan(name, { patterns: [] })
  }

  #entitlement(path: Path, texts: readonly string[]): Entitlement {
    for (const [index, text] of texts.entries())
      if (Entitlement.parse([text]) === undefined)
        this.#refuse([...path, index], `expected venue:type:symbol, each a name or *, got ${text}`)
    return Entitlement.parse(texts) ?? Entitlement.none
  }

  #tokens(jwt: JwtEntry, plans: ReadonlyMap<string, Plan>): TokenRules {
    const { keys = [] } = jwt
    if (keys.length === 0 && jwt.jwks === undefined) this.#refuse(['jwt'], 'expected keys or jwks, got none')
    if (jwt.plan !== undefined) this.#planNamed(['jwt', 'plan'], jwt.plan, plans)
    return Object.freeze({
      issuer: jwt.issuer,
      audience: jwt.audience,
      clockToleranceS: jwt.clockToleranceS ?? DEFAULT_TOLERANCE_S,
      plan: jwt.plan ?? null,
      keys: keys.flatMap((key, index) => this.#key(['jwt', 'keys', index, 'file'], key) ?? [])
    })
  }

  #key(path: Path, { algorithm, file, kid }: NonNullable<JwtEntry['keys']>[number]): VerificationKey | undefined {
    return this.#attempt(path, () => readVerificationKey(algorithm, this.#files.read(file), kid ?? null))
  }

  #keySet(file: string): WatchedFile {
    const watched = this.#files.watch(file)
    this.#attempt(['jwt', 'jwks'], () => readKeySet(watched.read()))
    return watched
  }

  #apiKeys(entries: readonly KeyEntry[], plans: ReadonlyMap<string, Plan>): ApiKey[] {
    const seen = new Set<string>()
    return entries.map((entry, index) => {
      const path = ['apiKeys', index]
      if (seen.has(entry.hash)) this.#refuse([...path, 'hash'], 'expected each hash once, got one again')
      seen.add(entry.hash)
      const plan = this.#planNamed([...path, 'plan'], entry.plan, plans)
      const own = entry.patterns === undefined ? undefined : this.#entitlement([...path, 'patterns'], entry.patterns)
      const entitlement = own === undefined ? plan.entitlement : own.and(plan.entitlement)
      if (entitlement === undefined)
        this.#refuse([...path, 'patterns'], 'expected fewer patterns: with those of the plan they are too many')
      const timeMs = Date.parse(entry.expires ?? '')
      if (entry.expires !== undefined && !(TIME.test(entry.expires) && timeMs >= 0))
        this.#refuse([...path, 'expires'], `expected a time such as 2030-01-31T00:00:00Z, got ${entry.expires}`)
      return Object.freeze({
        user: entry.user,
        plan,
        entitlement: entitlement ?? Entitlement.none,
        hash: Buffer.from(entry.hash.slice('sha256:'.length), 'hex'),
        isAdmin: entry.admin ?? false,
        expiresAt: entry.expires === undefined ? null : timeMs * 1000
      })
    })
  }

  #origins(origins: AccessFile['origins']): AccessConfig['origins'] {
    if (origins === undefined) return null
    if (typeof origins === 'string') return 'any'
    for (const [index, origin] of origins.entries())
      if (!ORIGIN.test(origin)) this.#refuse(['origins', index], `expected https://host[:port], got ${origin}`)
    return new Set(origins)
  }

  #ranges(ranges: readonly string[]): readonly string[] {
    for (const [index, range] of ranges.entries())
      if (!isRange(range)) this.#refuse(['trustedProxies', index], `expected an address or a CIDR range, got ${range}`)
    return ranges
  }

  /** A path may be a secret that was written in the wrong place, so it is not repeated. */
  #attempt<T>(path: Path, read: () => T): T | undefined {
    try {
      return read()
    } catch (error) {
      const isMissing = error instanceof Error && 'code' in error && typeof error.code === 'string'
      this.#refuse(path, isMissing ? `expected a readable file, got ${error.code}` : (error as Error).message)
      return undefined
    }
  }
}
