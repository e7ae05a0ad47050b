import { type ProxyParts, ProxyServer } from './proxy-server.ts'

/** A list of proxies that cannot be used: every bad line by its number, with what was expected. Never quotes a line. */
export class ProxyListError extends Error {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.name = 'ProxyListError'
    this.problems = problems
  }
}

/**
 * Reads a list of proxies: one `http://user:pass@host:port` on a line, in the order in which they are used. Empty lines
 * and lines that begin with `#` are skipped.
 * @throws ProxyListError with every bad line.
 */
export function parseProxies(text: string): ProxyServer[] {
  const problems: string[] = []
  const proxies: ProxyServer[] = []
  const lineOf = new Map<string, number>()
  const sharing = new Map<string, number>()
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    const number = index + 1
    const parts = readLine(line)
    if (typeof parts === 'string') {
      problems.push(`proxy list, line ${number}: ${parts}`)
      continue
    }
    const place = `${parts.host}:${parts.port}`
    const ordinal = (sharing.get(place) ?? 0) + 1
    const proxy = new ProxyServer(parts, ordinal)
    const first = lineOf.get(proxy.identity)
    if (first !== undefined) {
      problems.push(`proxy list, line ${number}: expected each proxy once, got the one of line ${first} again`)
      continue
    }
    sharing.set(place, ordinal)
    lineOf.set(proxy.identity, number)
    proxies.push(proxy)
  }
  if (problems.length > 0) throw new ProxyListError(problems)
  return proxies
}

const FORM = 'http://user:pass@host:port or https://user:pass@host:port'

/**
 * @returns the parts, or what was expected and what was found; the text itself may hold a password and is not repeated.
 */
function readLine(line: string): ProxyParts | string {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(line)?.[1]?.toLowerCase()
  if (scheme === undefined) return `expected ${FORM}, got a line without a scheme`
  if (scheme.startsWith('socks')) return `expected ${FORM}, got ${scheme}: SOCKS proxies are not supported yet`
  if (scheme !== 'http' && scheme !== 'https') return `expected ${FORM}, got another scheme`
  const url = URL.parse(line)
  if (url === null) return `expected ${FORM}, got something that is not a URL`
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    return `expected ${FORM}, got more behind the port; write special characters of a password percent-encoded`
  }
  const user = decode(url.username)
  const password = decode(url.password)
  if (user === undefined || password === undefined) return 'expected credentials in percent-encoding, got a lone %'
  if (user.includes(':')) return 'expected a user name without a colon, got one with a colon'
  const port = url.port === '' ? defaultPort(line, scheme) : Number(url.port)
  if (port === undefined || port === 0) return `expected ${FORM}, got no port`
  return { scheme, host: url.hostname.replace(/^\[|\]$/g, ''), port, user, password }
}

/** URL drops a port that is the scheme's own, so its presence has to be seen in the text. */
function defaultPort(line: string, scheme: 'http' | 'https'): number | undefined {
  const port = scheme === 'http' ? 80 : 443
  return new RegExp(`:0*${port}/?$`).test(line) ? port : undefined
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
