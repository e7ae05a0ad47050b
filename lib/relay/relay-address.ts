import { RelayError } from './relay-error.ts'

/** Where a relay sends, as its URL says it. */
export interface RelayAddress {
  kind: 'amqp' | 'mqtt'
  tls: boolean
  host: string
  port: number
  /** Undefined where the URL names nobody. */
  user: string | undefined
  password: string | undefined
  /** Of AMQP. */
  vhost: string
  /** What nobody would get comes again until somebody would, or is given up. */
  unroutable: 'keep' | 'drop'
  /** Of MQTT: the broker keeps the last quote of each topic for who subscribes later. */
  retain: boolean
}

const FORMS = {
  amqp: 'amqp://user:password@host:port/vhost or amqps://…',
  mqtt: 'mqtt://user:password@host:port or mqtts://…'
} as const
const PORTS: Readonly<Record<string, number>> = { 'amqp:': 5672, 'amqps:': 5671, 'mqtt:': 1883, 'mqtts:': 8883 }
const OPTIONS = {
  amqp: { unroutable: ['keep', 'drop'] },
  mqtt: { unroutable: ['keep', 'drop'], retain: ['true', 'false'] }
} as const satisfies Record<RelayAddress['kind'], Record<string, readonly string[]>>

/** What is wrong with the URL of a broker of one kind, without the URL, or null. */
export function relayUrlProblem(text: string, kind: RelayAddress['kind']): string | null {
  const scheme = /^[a-z0-9+.-]{1,16}:/i.exec(text)?.[0].toLowerCase() ?? 'no scheme'
  if (scheme !== `${kind}:` && scheme !== `${kind}s:`) return `expected ${FORMS[kind]}, got ${scheme}`
  let url: URL
  try {
    url = new URL(text)
    for (const part of [url.username, url.password, url.pathname]) decodeURIComponent(part)
  } catch {
    return `expected ${FORMS[kind]} with special characters of user and password percent-encoded, got something else`
  }
  if (url.hostname === '') return `expected ${FORMS[kind]}, got no host`
  if (kind === 'mqtt' && url.pathname.length > 1) return `expected ${FORMS.mqtt}, got a path`
  if (kind === 'amqp' && url.pathname.indexOf('/', 1) > 0) return 'expected / in the vhost as %2F, got /'
  if (url.hash !== '') return `expected ${FORMS[kind]} with # as %23, got #`
  const options: Readonly<Record<string, readonly string[]>> = OPTIONS[kind]
  for (const [name, value] of url.searchParams) {
    // Neither is repeated: behind a ? that should have been escaped they are the password.
    if (options[name]?.includes(value)) continue
    const known = Object.entries(options).map(([option, values]) => `${option}=${values.join(' or ')}`)
    return `expected options among ${known.join(', ')}, got another`
  }
  return null
}

/** Reads the URL of a broker. @throws RelayError `bad_url`, without the URL. */
export function parseRelayUrl(text: string): RelayAddress {
  const kind = /^mqtts?:/i.test(text) ? 'mqtt' : 'amqp'
  const problem = relayUrlProblem(text, kind)
  if (problem !== null) throw new RelayError('bad_url', problem)
  const { protocol, hostname, port, username, password, pathname, searchParams } = new URL(text)
  return Object.freeze({
    kind,
    tls: protocol === `${kind}s:`,
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? (PORTS[protocol] ?? 0) : Number(port),
    user: username === '' ? undefined : decodeURIComponent(username),
    password: password === '' ? undefined : decodeURIComponent(password),
    vhost: decodeURIComponent(pathname.slice(1)) || '/',
    unroutable: searchParams.get('unroutable') === 'drop' ? 'drop' : 'keep',
    retain: searchParams.get('retain') === 'true'
  })
}
