import assert from 'node:assert/strict'
import { createSecretKey, generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Access } from '../../lib/access/access.ts'
import { AccessError } from '../../lib/access/access-error.ts'
import { KeyFile, type WatchedFile, watchFile } from '../../lib/access/key-file.ts'
import { readKeySet, readVerificationKey } from '../../lib/access/verification-key.ts'
import {
  accessConfig,
  ED,
  makeAccess,
  makePlan,
  makeToken,
  NOW_S,
  OTHER_RSA,
  PRO,
  RSA,
  RULES,
  SECRET
} from './make-access.ts'

async function refusalOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => assert.fail('expected a refusal'),
    (error: unknown) => error
  )
  assert.ok(error instanceof AccessError, String(error))
  assert.equal(error.cause, undefined)
  return `${error.code}: ${error.message}`
}

const identify = (token: string, access = makeAccess()) => access.identify({ kind: 'token', token })
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

test('a token of each algorithm says who somebody is, what their plan is, and until when', async () => {
  for (const [alg, key, kid] of [
    ['HS256', SECRET, undefined],
    ['RS256', RSA.privateKey, 'rsa'],
    ['RS256', RSA.privateKey, undefined],
    ['EdDSA', ED.privateKey, 'ed']
  ] as const) {
    const token = await makeToken({ header: { alg, ...(kid === undefined ? {} : { kid }) }, key })
    const { user, plan, entitlement, expiresAt } = await identify(token)
    assert.deepEqual([user, plan.name, entitlement.allows('a:spot:B')], ['u1', 'pro', true], alg)
    // The tolerance for clocks is part of it.
    assert.equal(expiresAt, (NOW_S + 60 + 5) * 1e6)
  }
})

test('no other algorithm is taken, whatever key it was made with', async () => {
  const unsigned = `${encode({ alg: 'none' })}.${encode({ sub: 'u1', exp: NOW_S + 60, plan: 'pro' })}.`
  assert.match(await refusalOf(identify(unsigned)), /^auth_failed: no key of this gateway/)
  assert.match(await refusalOf(identify(unsigned.replace(encode({ alg: 'none' }), encode({ alg: 'NONE' })))), /no key/)
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const tokens = [
    makeToken({ header: { alg: 'HS512' }, key: createSecretKey(Buffer.alloc(64, 's')) }),
    makeToken({ header: { alg: 'RS512' }, key: RSA.privateKey }),
    makeToken({ header: { alg: 'PS256' }, key: RSA.privateKey }),
    makeToken({ header: { alg: 'ES256' }, key: ec.privateKey })
  ]
  for (const token of tokens) assert.match(await refusalOf(identify(await token)), /no key of this gateway/)
})

test('a public key is no shared secret: a token signed with its text is refused', async () => {
  const access = makeAccess({ tokens: { ...RULES, keys: RULES.keys.filter(({ algorithm }) => algorithm === 'RS256') } })
  for (const format of ['pem', 'der'] as const) {
    const text = RSA.publicKey.export({ type: 'spki', format } as { type: 'spki'; format: 'pem' })
    const token = await makeToken({ key: createSecretKey(Buffer.from(text)) })
    assert.match(await refusalOf(identify(token, access)), /no key of this gateway/)
  }
})

test('a token of a wrong key, an unknown kid, or with changed claims is refused', async () => {
  assert.match(
    await refusalOf(identify(await makeToken({ header: { alg: 'RS256' }, key: OTHER_RSA.privateKey }))),
    /no key/
  )
  assert.match(
    await refusalOf(identify(await makeToken({ header: { alg: 'RS256', kid: 'other' }, key: RSA.privateKey }))),
    /no key/
  )
  const [head, , signature] = (await makeToken()).split('.')
  const forged = encode({ iss: RULES.issuer, aud: RULES.audience, sub: 'admin', exp: NOW_S + 60, plan: 'pro' })
  assert.match(await refusalOf(identify(`${head}.${forged}.${signature}`)), /no key/)
  for (const token of ['', 'x', 'a.b.c', '..', `${head}..`, 'x'.repeat(9000)])
    assert.match(await refusalOf(identify(token)), /^auth_failed/)
})

test('times are judged with the tolerance, and not beyond it', async () => {
  await identify(await makeToken({ exp: NOW_S - 4 }))
  assert.match(await refusalOf(identify(await makeToken({ exp: NOW_S - 6 }))), /^auth_failed: the token has expired/)
  await identify(await makeToken({ claims: { nbf: NOW_S + 4 } }))
  assert.match(await refusalOf(identify(await makeToken({ claims: { nbf: NOW_S + 6 } }))), /the token's nbf/)
  assert.match(await refusalOf(identify(await makeToken({ claims: { exp: undefined } }))), /the token's exp/)
  assert.match(await refusalOf(identify(await makeToken({ claims: { exp: 'never' } }))), /the token's exp/)
})

test('a token for another audience, of another issuer, or of nobody is refused', async () => {
  for (const [claims, expected] of [
    [{ aud: 'other' }, /the token's aud/],
    [{ aud: undefined }, /the token's aud/],
    [{ iss: 'https://evil.test' }, /the token's iss/],
    [{ iss: undefined }, /the token's iss/],
    [{ sub: undefined }, /the token's sub/],
    [{ sub: '' }, /sub: expected/],
    [{ sub: 'x'.repeat(129) }, /sub: expected/]
  ] as const)
    assert.match(await refusalOf(identify(await makeToken({ claims }))), expected, JSON.stringify(claims))
})

test('a plan must be one of the gateway, and patterns only take away from it', async () => {
  const narrow = makePlan('narrow', ['binance:spot:*', 'okx:*:*'])
  const plans = new Map([
    ['pro', PRO],
    ['narrow', narrow]
  ])
  const access = makeAccess({ plans, tokens: { ...RULES, plan: 'narrow' } })
  const entitled = async (claims: Record<string, unknown>) =>
    (await identify(await makeToken({ claims }), access)).entitlement.patterns.map(({ text }) => text)
  assert.deepEqual(await entitled({ plan: 'pro' }), ['*:*:*'])
  assert.deepEqual(await entitled({ plan: undefined }), ['binance:spot:*', 'okx:*:*'])
  assert.deepEqual(await entitled({ plan: 'narrow', patterns: ['*:spot:*'] }), ['binance:spot:*', 'okx:spot:*'])
  assert.deepEqual(await entitled({ plan: 'narrow', patterns: ['kraken:*:*'] }), [])
  assert.deepEqual(await entitled({ plan: 'pro', patterns: [] }), [])
  for (const patterns of ['*:*:*', ['nonsense'], [7], Array(101).fill('a:spot:b'), null])
    assert.match(await refusalOf(identify(await makeToken({ claims: { patterns } }), access)), /patterns: expected/)
  for (const plan of ['gold', 7, null, '__proto__'])
    assert.match(await refusalOf(identify(await makeToken({ claims: { plan } }))), /^forbidden: plan: expected/)
})

test('no refusal repeats the token or its claims', async () => {
  const token = await makeToken({ sub: 'sub-of-somebody', exp: NOW_S - 100 })
  const text = await refusalOf(identify(token))
  for (const part of [...token.split('.'), 'sub-of-somebody']) assert.ok(!text.includes(part))
})

const jwkOf = (key: typeof RSA.publicKey, kid: string) => ({ ...key.export({ format: 'jwk' }), kid, use: 'sig' })

test('a JWKS file that changes is read again: new keys are taken, old ones are not, and a broken file changes nothing', async t => {
  const dir = mkdtempSync(join(tmpdir(), 'quotecast-jwks-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const file = join(dir, 'jwks.json')
  // As orchestrators and careful editors do it: a new file in place of the old one.
  const write = (content: string): void => {
    writeFileSync(`${file}.new`, content)
    renameSync(`${file}.new`, file)
  }
  write(JSON.stringify({ keys: [jwkOf(RSA.publicKey, 'k1')] }))
  let nowS = NOW_S
  const problems: string[] = []
  const config = accessConfig({ tokens: { ...RULES, keys: [] }, keySet: watchFile(file) })
  const access = new Access(config, { now: () => nowS * 1e6, onProblem: problem => problems.push(problem) })
  const first = await makeToken({ header: { alg: 'RS256', kid: 'k1' }, key: RSA.privateKey })
  const second = await makeToken({ header: { alg: 'RS256', kid: 'k2' }, key: OTHER_RSA.privateKey })
  const third = await makeToken({ header: { alg: 'EdDSA', kid: 'k3' }, key: ED.privateKey })
  await identify(first, access)
  assert.match(await refusalOf(identify(second, access)), /no key/)

  write(JSON.stringify({ keys: [jwkOf(OTHER_RSA.publicKey, 'k2'), jwkOf(ED.publicKey, 'k3')] }))
  assert.match(await refusalOf(identify(second, access)), /no key/, 'it is looked at once a second')
  nowS += 2
  await identify(second, access)
  await identify(third, access)
  assert.match(await refusalOf(identify(first, access)), /no key/)

  write('{"keys":[')
  for (let i = 0; i < 3; i++) {
    nowS += 2
    await identify(second, access)
  }
  assert.deepEqual(problems, ['expected a JWKS, {"keys":[…]}, got something else'])
  write(JSON.stringify({ keys: [jwkOf(RSA.publicKey, 'k1')] }))
  nowS += 2
  await identify(first, access)
})

test('a JWKS file is looked at once a second at most, however many tokens come', () => {
  let looks = 0
  const file: WatchedFile = { read: () => '{"keys":[]}', version: () => String(++looks) }
  const keys = new KeyFile(file, 0)
  for (let ms = 0; ms < 10_000; ms++) keys.keys(ms)
  assert.equal(looks, 10)
})

test('a JWKS file may hold keys for other uses, but no secret', () => {
  const { d: _d, ...publicEd } = ED.privateKey.export({ format: 'jwk' })
  const others = [
    { kty: 'EC', crv: 'P-256', x: 'x', y: 'y', kid: 'e' },
    { ...jwkOf(RSA.publicKey, 'enc'), use: 'enc' },
    { ...jwkOf(RSA.publicKey, '512'), alg: 'RS512' }
  ]
  const read = (...keys: object[]) => readKeySet(JSON.stringify({ keys }))
  assert.deepEqual(
    read(...others, { ...publicEd, kid: 'ed' }).map(({ algorithm, kid }) => [algorithm, kid]),
    [['EdDSA', 'ed']]
  )
  assert.throws(
    () => read({ kty: 'oct', k: 'c2VjcmV0', kid: 'x' }),
    /keys\[0\]: expected a public key, got a secret one/
  )
  assert.throws(() => read({ ...ED.privateKey.export({ format: 'jwk' }), kid: 'x' }), /got a secret one/)
  assert.throws(() => read(RSA.publicKey.export({ format: 'jwk' })), /expected a kid, got none/)
  assert.throws(() => read({ kty: 'RSA', n: 5, e: 'AQAB', kid: 'x' }), /expected a key of kind RSA/)
})

test('keys that do not fit their algorithm, or are too weak, are refused without their content', () => {
  const pem = (key: typeof RSA.publicKey) => key.export({ type: 'spki', format: 'pem' }).toString()
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const secret = RSA.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  for (const [algorithm, text, expected] of [
    ['HS256', 'short-secret', /at least 32 bytes, got 12/],
    ['HS256', pem(RSA.publicKey), /expected a shared secret, got a PEM file/],
    ['RS256', pem(ED.publicKey), /expected a key of kind rsa for RS256, got ed25519/],
    ['EdDSA', pem(RSA.publicKey), /expected a key of kind ed25519 for EdDSA, got rsa/],
    ['RS256', pem(weak.publicKey), /at least 2048 bits, got 1024/],
    ['RS256', secret, /expected a public key as PEM, got a private one/],
    ['RS256', 'nonsense', /got something else/]
  ] as const)
    assert.throws(
      () => readVerificationKey(algorithm, text, null),
      (error: Error) => expected.test(error.message) && !error.message.includes(text) && error.cause === undefined
    )
})
