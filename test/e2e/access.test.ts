import assert from 'node:assert/strict'
import { createSecretKey, randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { get } from 'node:https'
import { join } from 'node:path'
import { test } from 'node:test'
import { SignJWT } from 'jose'
import { WebSocket } from 'ws'
import { makeApiKey } from '../../lib/access/api-keys.ts'
import { cleanUp } from '../kit/clean-up.ts'
import { ProtocolClient } from '../kit/protocol-client.ts'
import { startNode } from '../kit/quotecast-node.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { makeCertificates, skipWithoutOpenssl } from '../transport/make-certificates.ts'

test('one process with an access file and TLS: tokens and keys log in, nobody else does, and no secret is written down', {
  skip: skipWithoutOpenssl
}, async t => {
  const { ca, server } = makeCertificates(t)
  const secret = randomBytes(32).toString('base64url')
  const { key, hash } = makeApiKey()
  const node = await startNode(t, '', { LOG_LEVEL: 'info' }, ({ dir }) => {
    mkdirSync(join(dir, 'keys'), { recursive: true })
    writeFileSync(join(dir, 'keys/secret'), `${secret}\n`)
    writeFileSync(
      join(dir, 'access.yaml'),
      `plans: { pro: { patterns: ["binance:spot:*"], minIntervalMs: 50 } }
jwt: { issuer: id, audience: quotecast, plan: pro, keys: [{ algorithm: HS256, file: keys/secret }] }
apiKeys: [{ user: desk, plan: pro, hash: "${hash}" }]
`
    )
    return {
      HISTORY: `sqlite:${join(dir, 'history.db')}`,
      ACCESS: join(dir, 'access.yaml'),
      TLS_CERT_FILE: server.certFile,
      TLS_KEY_FILE: server.keyFile
    }
  })
  const status = (path: string): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const asked = get({ host: 'localhost', port: node.port, path, ca: ca.cert }, response => {
        response.resume()
        resolve(response.statusCode)
      })
      asked.on('error', reject)
    })
  await waitUntil('it is ready', async () => (await status('/ready')) === 200)
  assert.equal(await status('/api/v1/quotes'), 401)
  assert.equal(await status(`/api/v1/quotes?key=${key}`), 200)
  assert.equal(await status(`/api/v1/quotes/okx:spot:A?key=${key}`), 403)

  const token = await new SignJWT({ sub: 'u1', iss: 'id', aud: 'quotecast' })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('1h')
    .sign(createSecretKey(Buffer.from(secret)))
  const socket = new WebSocket(`wss://localhost:${node.port}/v1/stream`, 'quotes.v1.json', { ca: ca.cert })
  cleanUp(t, () => socket.terminate())
  const client = new ProtocolClient(socket)
  await waitUntil('the welcome came', () => client.of('welcome').length === 1)
  assert.equal((await client.request({ type: 'auth', token })).user, 'u1')
  const sid = await client.subscribe({ patterns: ['*:*:*'] })
  await waitUntil('quotes came', () => client.rows > 10)
  assert.ok([...client.board(sid).rows.keys()].every(name => name.startsWith('binance:spot:')))

  const output = node.output()
  assert.ok(output.includes('gateway: ready'))
  for (const hidden of [secret, key, token, hash]) assert.ok(!output.includes(hidden))
})
