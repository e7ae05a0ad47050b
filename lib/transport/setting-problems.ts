import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { isUserSeed, readCreds } from './creds-file.ts'
import type { NatsSetting, TlsSetting, TransporterSetting } from './transporter-setting.ts'

/** One mistake in a setting, with what was expected and what came; secrets are not in it. */
export interface SettingProblem {
  field: 'servers' | (typeof LOGINS)[number] | keyof TlsSetting
  problem: string
}

/** The ways to log in, of which one is enough. */
const LOGINS = ['user', 'token', 'nkey', 'creds'] as const
const NO_CERTIFICATE = 'expected the content of a PEM file with certificates, got something else'
const NO_KEY = 'expected the content of a PEM file with a private key, without a passphrase, got something else'
const SERVER = /^(?:[^\s:/@[\]]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i

/** Everything that is wrong with a setting as far as it can be told without a server. */
export function settingProblems(setting: TransporterSetting): SettingProblem[] {
  if (setting.kind === 'memory') return []
  const problems: SettingProblem[] = []
  const refuse: Refuse = (field, problem) => problems.push({ field, problem })
  checkServers(setting, refuse)
  checkLogin(setting, refuse)
  checkTls(setting.tls ?? {}, refuse)
  return problems
}

type Refuse = (field: SettingProblem['field'], problem: string) => void

function checkServers({ servers, tls }: NatsSetting, refuse: Refuse): void {
  if (servers.length === 0) refuse('servers', 'expected at least one, got none')
  for (const [index, server] of servers.entries()) {
    const place = `at place ${index + 1} of ${servers.length}`
    if (!SERVER.test(server)) refuse('servers', `expected host or host:port ${place}, got something else`)
    else if (tls !== undefined && isIP(hostOf(server)) !== 0) {
      // The client compares the certificate of an address with the name localhost.
      refuse('servers', `expected the name of a host ${place} where TLS is required, got an address`)
    }
  }
}

function checkLogin(setting: NatsSetting, refuse: Refuse): void {
  const { user, password, nkey, creds } = setting
  const given = LOGINS.filter(login => setting[login] !== undefined)
  const [, second] = given
  if (second !== undefined) refuse(second, `expected one of ${LOGINS.join(', ')}, got ${given.join(' and ')}`)
  if (password !== undefined && user === undefined) refuse('user', 'expected one with password, got none')
  if (nkey !== undefined && !isUserSeed(nkey)) {
    refuse('nkey', "expected the seed of a user's NKey, SU… of 58 characters, got something else")
  }
  if (creds !== undefined && readCreds(creds) === undefined) {
    refuse('creds', "expected the content of a .creds file, a user's JWT and seed, got something else")
  }
}

function checkTls({ ca, cert, key }: TlsSetting, refuse: Refuse): void {
  const certificate = cert === undefined ? undefined : readCertificate(cert)
  const privateKey = key === undefined ? undefined : readKey(key)
  if (ca !== undefined && readCertificate(ca) === undefined) refuse('ca', NO_CERTIFICATE)
  if (cert !== undefined && certificate === undefined) refuse('cert', NO_CERTIFICATE)
  if (key !== undefined && privateKey === undefined) refuse('key', NO_KEY)
  if (cert === undefined && key !== undefined) refuse('cert', 'expected one with key, got none')
  if (key === undefined && cert !== undefined) refuse('key', 'expected one with cert, got none')
  if (certificate !== undefined && privateKey !== undefined && !certificate.checkPrivateKey(privateKey)) {
    refuse('key', 'expected the key of cert, got another')
  }
}

/** Without the port, and without the brackets of an IPv6 address. */
function hostOf(server: string): string {
  return /^\[(.*)\]/.exec(server)?.[1] ?? server.replace(/:\d+$/, '')
}

/** The first one of a PEM text. */
function readCertificate(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem)
  } catch {
    return undefined
  }
}

function readKey(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem)
  } catch {
    return undefined
  }
}
