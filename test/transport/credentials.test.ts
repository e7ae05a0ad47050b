import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ServiceBroker } from 'moleculer'
import { createTransport } from '../../lib/transport/create-transport.ts'
import type { NatsSetting, TransporterSetting } from '../../lib/transport/transporter-setting.ts'
import { cleanUp } from '../kit/clean-up.ts'
import { startNatsServer } from '../kit/nats-server.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { makeCertificates, skipWithoutOpenssl } from './make-certificates.ts'
import { createAccount, createOperator, createUser, makeCreds, makeJwt, seedOf } from './make-jwt.ts'
import { happen, listener, makeNode, thingStreams } from './things.ts'

/** A node that has started, and has published and taken an event. */
async function proveNode(t: TestContext, setting: TransporterSetting): Promise<void> {
  const first = listener('first')
  const node = await makeNode(t, setting, [first.schema])
  await node.start()
  await happen(node, 1)
  await waitUntil('the event came', () => first.seen.length === 1)
}

/** Why a node cannot connect, in its transporter's words. */
async function refusalOf(t: TestContext, setting: TransporterSetting): Promise<string> {
  const { transporter, middleware } = await createTransport(setting, { streams: thingStreams })
  const broker = new ServiceBroker({
    logger: false,
    transporter,
    middlewares: [middleware],
    disableBalancer: true,
    // Moleculer goes on trying even after a stop otherwise.
    transit: { disableReconnect: true },
    skipProcessEventRegistration: true
  })
  cleanUp(t, () => broker.stop())
  const refused = errorOf(broker)
  void broker.start()
  return refused
}

function errorOf(broker: ServiceBroker): Promise<string> {
  return new Promise(resolve => {
    broker.localBus.once('$transporter.error', ({ error }: { error: Error }) => resolve(error.message))
  })
}

test('a user is known by its NKey; one that the server does not know is refused, and works as soon as it does', async t => {
  const [known, stranger] = [createUser(), createUser()]
  const nats = await startNatsServer(t, { config: `authorization { users = [ { nkey: ${known.getPublicKey()} } ] }` })
  const setting: NatsSetting = { kind: 'nats', servers: [nats.server] }
  await proveNode(t, { ...setting, nkey: seedOf(known) })

  const node = await makeNode(t, { ...setting, nkey: seedOf(stranger) }, [])
  const refused = errorOf(node)
  const started = node.start()
  assert.match(await refused, /Authorization Violation/)
  const file = join(nats.dir, 'nats.conf')
  const config = await readFile(file, 'utf8')
  await writeFile(file, config.replace(known.getPublicKey(), stranger.getPublicKey()))
  await nats.restart()
  await started
  await happen(node, 2)
})

test('a user is known by the JWT of a credentials file, in an account that its operator signed', async t => {
  const [operator, system, account, user] = [createOperator(), createAccount(), createAccount(), createUser()]
  const unlimited = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 }
  const jetStream = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 }
  const systemJwt = makeJwt(operator, system, 'account', { limits: unlimited })
  const accountJwt = makeJwt(operator, account, 'account', { limits: { ...unlimited, ...jetStream } })
  const nats = await startNatsServer(t, {
    config: `
      operator: ${makeJwt(operator, operator, 'operator', { system_account: system.getPublicKey() })}
      system_account: ${system.getPublicKey()}
      resolver: MEMORY
      resolver_preload: { ${system.getPublicKey()}: ${systemJwt}, ${account.getPublicKey()}: ${accountJwt} }`
  })
  const jwt = makeJwt(account, user, 'user', { subs: -1, data: -1, payload: -1 })
  await proveNode(t, { kind: 'nats', servers: [nats.server], creds: makeCreds(jwt, user) })

  const forged = makeJwt(user, user, 'user', { subs: -1, data: -1, payload: -1 })
  const setting: NatsSetting = { kind: 'nats', servers: [nats.server], creds: makeCreds(forged, user) }
  assert.match(await refusalOf(t, setting), /Authorization Violation/)
})

test('a token is known, and a server that nobody answers at is left for the next one', async t => {
  const nats = await startNatsServer(t, { config: 'authorization { token: sesame }' })
  await proveNode(t, { kind: 'nats', servers: ['127.0.0.1:1', nats.server], token: 'sesame' })
})

test('a server that verifies its clients is reached by TLS with a certificate of the same authority', {
  skip: skipWithoutOpenssl
}, async t => {
  const { ca, server, client } = makeCertificates(t)
  const files = `cert_file: "${server.certFile}", key_file: "${server.keyFile}", ca_file: "${ca.certFile}"`
  const nats = await startNatsServer(t, { config: `tls { ${files}, verify: true }` })
  const servers = [`localhost:${nats.port}`]
  await proveNode(t, { kind: 'nats', servers, tls: { ca: ca.cert, cert: client.cert, key: client.key } })

  const unvouched: NatsSetting = { kind: 'nats', servers, tls: { cert: client.cert, key: client.key } }
  assert.match(await refusalOf(t, unvouched), /unable to verify/)
  // Such a server hangs up without a word; the client waits for its time-out.
  assert.match(await refusalOf(t, { kind: 'nats', servers, tls: { ca: ca.cert } }), /TIMEOUT/)
})

test('where TLS is required, nothing is said to a server without it', async t => {
  const nats = await startNatsServer(t)
  assert.match(await refusalOf(t, { kind: 'nats', servers: [`localhost:${nats.port}`], tls: {} }), /tls/)
})

test('a setting that cannot work is refused at once with everything that is wrong, and without secrets', {
  skip: skipWithoutOpenssl
}, async t => {
  const refusal = async (where: TransporterSetting | string) => {
    const error = await createTransport(where, { streams: thingStreams }).then(() => undefined, String)
    assert.match(error ?? 'nothing was refused', /^RangeError: /)
    assert.doesNotMatch(error!, /secret/)
    return error!
  }
  const { ca, client } = makeCertificates(t)
  const setting: NatsSetting = { kind: 'nats', servers: ['a'] }
  const seed = seedOf(createUser())
  // Not the last character: two of its bits mean nothing.
  const mistyped = seed.replace(/.(?=.{9}$)/, one => (one === 'A' ? 'B' : 'A'))
  assert.match(await refusal('nats://me:secret@'), /expected memory: or nats:/)
  assert.match(await refusal({ kind: 'nats', servers: [] }), /servers: expected at least one, got none/)
  assert.match(
    await refusal({ ...setting, password: 'secret', token: 'secret', nkey: 'secret' }),
    /one of .* user: .* nkey: /
  )
  assert.match(await refusal({ ...setting, creds: 'secret' }), /creds: expected the content/)
  assert.match(await refusal({ ...setting, nkey: mistyped }), /nkey: expected a seed with its checksum/)
  assert.match(
    await refusal({ ...setting, creds: makeCreds('a.b.c', createUser()).replace(/SU\w+/, mistyped) }),
    /creds: /
  )
  assert.match(await refusal({ ...setting, tls: { ca: 'secret' } }), /ca: expected the content/)
  assert.match(await refusal({ ...setting, tls: { cert: client.cert } }), /key: expected one with cert/)
  assert.match(await refusal({ ...setting, tls: { cert: client.cert, key: ca.key } }), /key: expected the key of cert/)
  assert.match(await refusal({ ...setting, servers: ['127.0.0.1'], tls: {} }), /expected the name of a host/)
})
