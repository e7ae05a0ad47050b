import { AccessError } from './access-error.ts'

/** What somebody presents to say who they are. */
export type Credential =
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'key'; readonly key: string }

/** What of an HTTP request may carry a credential, and its address line. */
export interface CredentialSource {
  url?: string | undefined
  headers: { authorization?: string | undefined; 'x-api-key'?: string | string[] | undefined }
}

/** Longer ones are refused unread. */
const MAX_LENGTH = 8192
const BEARER = /^Bearer +([^\s]+) *$/i
/** The parameters of the address that carry a credential. */
const PARAMETERS = ['token', 'key'] as const

/**
 * The credential of a request, from the header `authorization: Bearer`, the header `x-api-key`, or the parameter `token` or `key`.
 * @throws AccessError when there is more than one, or one that cannot be read.
 */
export function readCredential({ url = '', headers }: CredentialSource): Credential | null {
  const query = new URLSearchParams(queryOf(url))
  const { authorization, 'x-api-key': header } = headers
  const bearer = authorization === undefined ? undefined : (BEARER.exec(authorization)?.[1] ?? '')
  const found: Credential[] = []
  for (const token of [bearer, ...query.getAll('token')]) if (token !== undefined) found.push({ kind: 'token', token })
  for (const key of [header, ...query.getAll('key')].flat()) if (key !== undefined) found.push({ kind: 'key', key })
  const [first = null, ...others] = found
  if (others.length > 0) throw new AccessError('auth_failed', `expected one token or key, got ${found.length}`)
  return first
}

/** @throws AccessError when it is empty or too long to be one. */
export function checkCredential(credential: Credential): void {
  const { length } = credential.kind === 'token' ? credential.token : credential.key
  if (length > 0 && length <= MAX_LENGTH) return
  const expected = credential.kind === 'token' ? 'a bearer token' : 'an API key'
  throw new AccessError('auth_failed', `expected ${expected} of at most ${MAX_LENGTH} characters`)
}

/** An address line without the parameters that carry a credential, so that whatever writes it down knows no secret. */
export function withoutCredential(url: string): string {
  const query = queryOf(url)
  if (query === '') return url
  const kept = query.split('&').filter(part => !isCredential(part))
  const path = url.slice(0, url.indexOf('?'))
  return kept.length === 0 ? path : `${path}?${kept.join('&')}`
}

function queryOf(url: string): string {
  const at = url.indexOf('?')
  return at < 0 ? '' : url.slice(at + 1)
}

/** Reads the name as a server does, so that `%74oken` is one, too. */
function isCredential(part: string): boolean {
  const [name = ''] = new URLSearchParams(part).keys()
  return PARAMETERS.some(parameter => name === parameter)
}
