import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Server } from 'proxy-chain'
import { findBinary } from '../../lib/cluster/find-binary.ts'
import { startProxy } from '../kit/proxy.ts'
import { startOrigin } from './origin.ts'
import { get, openPool } from './pool.ts'

const openssl = await findBinary('openssl', 'openssl').catch(() => undefined)
const skip = openssl === undefined ? 'openssl is not installed' : false

function makeCertificate(t: TestContext): { key: string; cert: string } {
  const dir = mkdtempSync(join(tmpdir(), 'quotecast-tls-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')]
  const name = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key]
  execFileSync(openssl!, ['req', '-x509', ...newKey, '-out', cert, '-days', '2', ...name], { stdio: 'ignore' })
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
}

async function startSecureOrigin(t: TestContext) {
  const pair = makeCertificate(t)
  const server = createServer(pair, (request, response) => response.end(`secret ${request.url}`))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return { url: `https://localhost:${(server.address() as AddressInfo).port}`, ca: pair.cert, pair }
}

test('https is spoken end to end, directly and through a proxy', { skip }, async t => {
  const { url, ca } = await startSecureOrigin(t)
  const proxy = await startProxy(t)
  for (const proxies of [[], [proxy.url]]) {
    const pool = openPool(t, proxies, { ca })
    for (const path of ['/a', '/b']) assert.equal((await pool.request(get(url + path))).body, `secret ${path}`)
  }
  assert.equal(proxy.tunnels(), 1)
})

test('a proxy that itself is reached by TLS carries https and http', { skip }, async t => {
  const { url, ca, pair } = await startSecureOrigin(t)
  const plain = await startOrigin(t)
  const proxy = new Server({ host: '127.0.0.1', port: 0, serverType: 'https', httpsOptions: pair })
  await proxy.listen()
  t.after(() => proxy.close(true))
  const pool = openPool(t, [`https://localhost:${proxy.port}`], { ca })
  assert.equal((await pool.request(get(`${url}/a`))).body, 'secret /a')
  assert.equal((await pool.request(get(plain.url))).body, '{"ok":true}')
})

test('a certificate that nobody vouches for is refused, and is not held against the only proxy', { skip }, async t => {
  const { url } = await startSecureOrigin(t)
  const proxy = await startProxy(t)
  for (const proxies of [[], [proxy.url]]) {
    const pool = openPool(t, proxies)
    await assert.rejects(pool.request(get(url)), { code: 'certificate' })
    assert.equal(pool.stats().egresses[0]?.state, 'ok')
  }
})
