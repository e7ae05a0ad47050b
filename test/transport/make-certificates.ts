import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findBinary } from '../../lib/cluster/find-binary.ts'
import { cleanUp, type Scope } from '../kit/clean-up.ts'

/** Undefined where it is not installed. */
const openssl = await findBinary('openssl', 'openssl').catch(() => undefined)
/** For tests that need certificates. */
export const skipWithoutOpenssl = openssl === undefined ? 'openssl is not installed' : false

/** PEM texts, and the files that hold them. */
export interface Pair {
  cert: string
  key: string
  certFile: string
  keyFile: string
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

/** A certificate authority, with a server's certificate for localhost and a client's. Removed after the test. */
export function makeCertificates(t: Scope): { ca: Pair; server: Pair; client: Pair } {
  const dir = mkdtempSync(join(tmpdir(), 'quotecast-ca-'))
  cleanUp(t, () => rmSync(dir, { recursive: true }))
  const run = (...args: string[]) => execFileSync(openssl!, args, { cwd: dir, stdio: 'ignore' })
  const read = (name: string): Pair => {
    const [certFile, keyFile] = [join(dir, `${name}.pem`), join(dir, `${name}.key`)]
    return { certFile, keyFile, cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') }
  }
  const sign = (name: string, extension: string): Pair => {
    writeFileSync(join(dir, 'extension'), extension)
    run('req', ...NEW_KEY, '-keyout', `${name}.key`, '-out', 'request', '-subj', `/CN=${name}`)
    const by = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2']
    run('x509', '-req', '-in', 'request', '-out', `${name}.pem`, '-extfile', 'extension', ...by)
    return read(name)
  }
  run('req', '-x509', ...NEW_KEY, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=authority')
  return {
    ca: read('ca'),
    server: sign('server', 'subjectAltName=DNS:localhost'),
    client: sign('client', 'extendedKeyUsage=clientAuth')
  }
}
