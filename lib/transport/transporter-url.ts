import type { TransporterSetting } from './transporter-setting.ts'

/** What {@link parseTransporterUrl} reads. */
export const TRANSPORTER_URL_FORM =
  'memory: or nats://[user:password@|token@]host[:port][,…] in percent-encoding, tls:// for nats:// where TLS is required'

const FORM = /^(?:nats|tls):\/\/(?:([^:@/]+)(?::([^@/]+))?@)?([^@]+?)\/?$/
const SCHEME = /^(nats|tls):\/\//

/**
 * The setting that a URL names, or undefined for another text. Every server may repeat the scheme; one `tls://` is enough to require TLS
 * of all. Hosts and ports are not looked at.
 */
export function parseTransporterUrl(text: string): TransporterSetting | undefined {
  if (text === 'memory:') return { kind: 'memory' }
  const [, user, password, hosts] = FORM.exec(text) ?? []
  if (hosts === undefined) return undefined
  const servers = hosts.split(',').map(server => server.trim().replace(SCHEME, ''))
  const tls = text.startsWith('tls://') || hosts.includes('tls://') ? { tls: {} } : {}
  try {
    return { kind: 'nats', servers, ...readLogin(user, password), ...tls }
  } catch {
    // A lone percent sign.
    return undefined
  }
}

/** @throws URIError for what is not percent-encoded. */
function readLogin(user: string | undefined, password: string | undefined) {
  if (user === undefined) return {}
  if (password === undefined) return { token: decodeURIComponent(user) }
  return { user: decodeURIComponent(user), password: decodeURIComponent(password) }
}
