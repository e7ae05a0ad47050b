import { EgressError } from './egress-error.ts'

/** Where a request goes. */
export interface Target {
  /** Scheme, host and port. */
  origin: string
  host: string
  port: number
  secure: boolean
  /** Path and query. */
  path: string
}

/**
 * Checks and takes apart the URL of a request. Only https, and http to this machine; http to other hosts needs
 * `allowHttp`, which the bundled demo exchange sets.
 * @throws EgressError `forbidden_target`
 */
export function readTarget(text: string, allowHttp: boolean): Target {
  const url = URL.parse(text)
  if (url === null) throw new EgressError('forbidden_target', 'expected an absolute URL')
  const { protocol, hostname, origin } = url
  if (protocol !== 'https:' && protocol !== 'http:') {
    throw new EgressError('forbidden_target', `expected https, got ${protocol} for ${hostname}`)
  }
  if (url.username !== '' || url.password !== '') {
    throw new EgressError('forbidden_target', `expected a URL without credentials for ${hostname}`)
  }
  const secure = protocol === 'https:'
  if (!secure && !allowHttp && !isLoopback(hostname)) {
    throw new EgressError('forbidden_target', `expected https, got http for ${hostname}`)
  }
  const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port)
  return { origin, host: hostname.replace(/^\[|\]$/g, ''), port, secure, path: `${url.pathname}${url.search}` }
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)
}
