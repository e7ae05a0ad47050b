import {
  type Authenticator,
  type ConnectionOptions,
  jwtAuthenticator,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator
} from 'nats'
import { readCreds } from './creds-file.ts'
import type { NatsSetting } from './transporter-setting.ts'

/** A server that does not answer must not keep a node from the next one. */
const CONNECT_MS = 5_000

/** What the client is told of a setting without problems. @throws RangeError for a seed whose checksum is wrong. */
export function connectionOptions(setting: NatsSetting): ConnectionOptions {
  const { servers, tls } = setting
  return { servers: [...servers], authenticator: authenticatorOf(setting), tls, timeout: CONNECT_MS }
}

/** Secrets stay in its closure, out of what prints a connection's options. */
function authenticatorOf({ user, password, token, nkey, creds }: NatsSetting): Authenticator | undefined {
  if (user !== undefined) return usernamePasswordAuthenticator(user, password)
  if (token !== undefined) return tokenAuthenticator(token)
  if (nkey !== undefined) return signing('nkey', nkeyAuthenticator(bytesOf(nkey)))
  const known = creds === undefined ? undefined : readCreds(creds)
  return known === undefined ? undefined : signing('creds', jwtAuthenticator(known.jwt, bytesOf(known.seed)))
}

/** Tries an authenticator: one that throws when a server asks would end the connection for good. */
function signing(field: string, authenticator: Authenticator): Authenticator {
  try {
    authenticator('nonce')
    return authenticator
  } catch (cause) {
    throw new RangeError(`${field}: expected a seed with its checksum, got a mistyped one`, { cause })
  }
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
