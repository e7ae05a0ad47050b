import { isRange } from '../access/client-address.ts'
import { ConfigError } from './config-error.ts'
import { readRelay } from './read-relay.ts'
import { readTls } from './read-tls.ts'
import { readTransporter } from './read-transporter.ts'
import { LOG_LEVELS, type LogLevel, type Settings } from './settings.ts'

/** The environment variables of quotecast and what they are when unset. Each may also be given as `<NAME>_FILE`, a file that holds the value. */
export const VARIABLES = {
  PORT: '3000',
  TRANSPORTER: 'memory:',
  NATS_CREDS: '',
  NATS_NKEY: '',
  NATS_CA: '',
  NATS_CERT: '',
  NATS_KEY: '',
  HISTORY: 'sqlite:data/quotecast.db',
  LATEST: 'memory:',
  AMQP_URL: '',
  MQTT_URL: '',
  CONFIG: 'config/markets.yaml',
  STREAMS: '',
  ACCESS: '',
  TRUSTED_PROXIES: '',
  TLS_CERT: '',
  TLS_KEY: '',
  SERVICES: '',
  NAMESPACE: '',
  LOG_LEVEL: 'info',
  PROXIES: '',
  ADVERTISE: ''
} as const satisfies Record<string, string>

export type VariableName = keyof typeof VARIABLES

export interface SettingsInput {
  env: Readonly<Record<string, string | undefined>>
  /** Reads a secret's file. @throws when it cannot be read. */
  readFile: (path: string) => string
  /** The services that exist. */
  available: readonly string[]
  /** Says what is wrong with the lines of PROXIES, empty ones among them, or null. */
  checkProxies: (lines: readonly string[]) => string | null
}

/** Reads and checks the environment. @throws ConfigError that names every mistake at once; values of secrets are not in it. */
export function readSettings({ env, readFile, available, checkProxies }: SettingsInput): Settings {
  const problems: string[] = []
  const values = Object.fromEntries(
    Object.entries(VARIABLES).map(([name, fallback]) => [name, readVariable(name, fallback)])
  ) as Record<VariableName, string>

  function readVariable(name: string, fallback: string): string {
    const file = env[`${name}_FILE`]
    if (!file) return env[name] || fallback
    if (env[name]) problems.push(`${name} and ${name}_FILE: expected one of them, got both`)
    try {
      return readFile(file).trim()
    } catch (error) {
      problems.push(`${name}_FILE: expected a readable file, got ${file}: ${(error as Error).message}`)
      return fallback
    }
  }

  function take<T>(name: VariableName, parse: (text: string) => T | undefined, expected: string, shown = true): T {
    const value = parse(values[name])
    if (value === undefined)
      problems.push(`${name}: expected ${expected}, got ${shown ? JSON.stringify(values[name]) : 'something else'}`)
    return value as T
  }

  const proxyLines = splitProxies(values.PROXIES)
  const settings: Settings = {
    port: take('PORT', parsePort, 'a port from 0 to 65535'),
    transporter: readTransporter(values, problem => problems.push(problem)),
    history: take(
      'HISTORY',
      oneOf('sqlite:', 'mysql://'),
      'sqlite:<file> or mysql://user:password@host/database',
      false
    ),
    latest: take('LATEST', oneOf('memory:', 'redis://', 'rediss://'), 'memory: or redis://[:password@]host', false),
    relay: readRelay(values, problem => problems.push(problem)),
    services: take('SERVICES', text => parseServices(text, available), `names among ${available.join(', ')}, or none`),
    namespace: take(
      'NAMESPACE',
      text => (/^[A-Za-z0-9_-]{0,32}$/.test(text) ? text : undefined),
      'letters, digits, _ or -'
    ),
    logLevel: take('LOG_LEVEL', parseLogLevel, `one of ${LOG_LEVELS.join(', ')}`),
    configFile: values.CONFIG,
    streamsFile: values.STREAMS,
    accessFile: values.ACCESS,
    trustedProxies: take(
      'TRUSTED_PROXIES',
      parseRanges,
      'addresses and CIDR ranges such as 10.0.0.0/8, separated by commas'
    ),
    tls: readTls(values, problem => problems.push(problem)),
    proxies: proxyLines.filter(line => line !== ''),
    advertise: values.ADVERTISE
  }
  const badProxies = checkProxies(proxyLines)
  if (badProxies !== null) problems.push(`PROXIES: ${badProxies}`)
  if (settings.relay === '' && settings.services?.includes('relay') === true) {
    problems.push('SERVICES: expected AMQP_URL or MQTT_URL with relay, got neither')
  }
  if (problems.length === 0) problems.push(...clusterProblems(settings))
  if (problems.length > 0) throw new ConfigError(problems)
  return Object.freeze(settings)
}

/** Stores in the memory of one process cannot serve several. */
function clusterProblems({ transporter, history, latest }: Settings): string[] {
  if (transporter.kind === 'memory') return []
  const problems: string[] = []
  if (history.startsWith('sqlite:')) problems.push('HISTORY: expected mysql://… with a nats transporter, got sqlite:')
  if (latest.startsWith('memory:')) problems.push('LATEST: expected redis://… with a nats transporter, got memory:')
  return problems
}

/** One proxy an entry; comments and empty lines stay as empty entries, so that a problem is reported by its line in a file. */
function splitProxies(text: string): string[] {
  const lines = text.split(/\r?\n/).map(line => line.trim())
  return lines.flatMap(line => (line.startsWith('#') ? [''] : line.split(',').map(proxy => proxy.trim())))
}

function parsePort(text: string): number | undefined {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined
}

function parseRanges(text: string): string[] | undefined {
  const ranges = text === '' ? [] : text.split(',').map(range => range.trim())
  return ranges.every(isRange) ? ranges : undefined
}

function oneOf(...prefixes: string[]): (text: string) => string | undefined {
  return text => (prefixes.some(prefix => text.startsWith(prefix)) ? text : undefined)
}

function parseLogLevel(text: string): LogLevel | undefined {
  return LOG_LEVELS.find(level => level === text)
}

function parseServices(text: string, available: readonly string[]): string[] | null | undefined {
  if (text === '') return null
  if (text === 'none') return []
  const names = text.split(',').map(name => name.trim())
  return names.every(name => available.includes(name)) ? names : undefined
}
