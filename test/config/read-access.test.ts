import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { AccessConfig } from '../../lib/access/access.ts'
import { makeApiKey } from '../../lib/access/api-keys.ts'
import { ConfigError } from '../../lib/config/config-error.ts'
import { readAccess } from '../../lib/config/read-access.ts'

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const FILES: Record<string, string> = {
  secret: 'x'.repeat(40),
  short: 'tiny-secret',
  'rsa.pem': rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  'jwks.json': JSON.stringify({ keys: [{ ...rsa.publicKey.export({ format: 'jwk' }), kid: 'k1' }] })
}

function read(yaml: string, trustedProxies?: readonly string[]): AccessConfig {
  const readFile = (path: string) => {
    const content = FILES[path]
    if (content === undefined) throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' })
    return content
  }
  const watch = (path: string) => ({ read: () => readFile(path), version: () => '1' })
  return readAccess(yaml, 'a.yaml', { read: readFile, watch }, trustedProxies)
}

function refusal(yaml: string): string {
  try {
    read(yaml)
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error))
    return error.problems.join('\n')
  }
  return assert.fail('expected the file to be refused')
}

const { hash } = makeApiKey()

test('a whole file is read: plans, tokens, keys, origins, proxies and limits', () => {
  const config = read(`
anonymous: visitor
authDeadlineMs: 2000
plans:
  visitor: { patterns: ["binance:spot:*"], minIntervalMs: 1000, symbols: 5 }
  pro: { patterns: ["*:*:*"], connections: 3, messagesPerSecond: 50 }
jwt:
  issuer: me
  audience: quotecast
  plan: pro
  keys:
    - { algorithm: HS256, file: secret }
    - { algorithm: RS256, file: rsa.pem, kid: a }
  jwks: jwks.json
apiKeys:
  - { user: u1, plan: pro, hash: "${hash}", admin: true, patterns: ["okx:*:*"], expires: 2030-01-31T00:00:00Z }
origins: [https://app.test]
trustedProxies: [10.0.0.0/8]
connections: { total: 9, perAddress: 4, connectsPerSecond: 2, connectBurst: 3 }
`)
  assert.deepEqual(
    [config.anonymous?.name, config.anonymous?.minIntervalMs, config.anonymous?.symbols],
    ['visitor', 1000, 5]
  )
  assert.deepEqual([config.plans.get('pro')?.connections, config.plans.get('pro')?.symbols], [3, null])
  assert.deepEqual(
    config.tokens?.keys.map(({ algorithm, kid }) => [algorithm, kid]),
    [
      ['HS256', null],
      ['RS256', 'a']
    ]
  )
  assert.notEqual(config.keySet, null)
  const [key] = config.apiKeys
  assert.deepEqual(
    [
      key?.user,
      key?.hash.toString('hex'),
      key?.expiresAt,
      key?.entitlement.allows('okx:spot:A'),
      key?.entitlement.allows('a:spot:A')
    ],
    ['u1', hash.slice(7), Date.UTC(2030, 0, 31) * 1000, true, false]
  )
  assert.equal(config.apiKeys[0]?.isAdmin, true)
  assert.deepEqual(config.connections, { total: 9, perAddress: 4, connectsPerSecond: 2, connectBurst: 3 })
  assert.deepEqual(
    [config.origins, config.trustedProxies, config.authDeadlineMs],
    [new Set(['https://app.test']), ['10.0.0.0/8'], 2000]
  )
})

test('proxies that the file names take the place of those that the process is told of', () => {
  const open = 'plans: { pro: { patterns: ["*:*:*"] } }\nanonymous: pro\n'
  const proxiesOf = (text: string) => read(text, ['172.16.0.0/12']).trustedProxies
  assert.deepEqual(proxiesOf(open), ['172.16.0.0/12'])
  assert.deepEqual(proxiesOf(`${open}trustedProxies: [10.0.0.1]\n`), ['10.0.0.1'])
  assert.deepEqual(proxiesOf(`${open}trustedProxies: []\n`), [])
})

test('what is left out is without limit, for the own host, and without anonymous', () => {
  const config = read(`
plans: { pro: { patterns: ["*:*:*"] } }
apiKeys: [{ user: u1, plan: pro, hash: "${hash}" }]
`)
  assert.deepEqual([config.anonymous, config.tokens, config.origins, config.authDeadlineMs], [null, null, null, 10_000])
  assert.equal(config.connections.total, null)
  assert.equal(config.apiKeys[0]?.entitlement.allows('a:spot:b'), true)
})

test('every mistake is told with its line, what was expected and what came', () => {
  const text = refusal(`anonymous: visitors
plans:
  visitor: { patterns: ["binance:spot"] }
jwt:
  issuer: me
  audience: quotecast
  plan: gold
  keys:
    - { algorithm: RS256, file: secret }
    - { algorithm: HS256, file: short }
    - { algorithm: HS256, file: nowhere }
  jwks: rsa.pem
apiKeys:
  - { user: u1, plan: gold, hash: "${hash}", expires: tomorrow }
  - { user: u2, plan: visitor, hash: "${hash}", patterns: [x] }
origins: [https://app.test/]
trustedProxies: [10.0.0.0/99]
`)
  for (const expected of [
    'a.yaml:1: anonymous: expected one of visitor, got visitors',
    'a.yaml:3: plans.visitor.patterns[0]: expected venue:type:symbol, each a name or *, got binance:spot',
    'a.yaml:7: jwt.plan: expected one of visitor, got gold',
    'a.yaml:9: jwt.keys[0].file: expected a public key as PEM, got something else',
    'a.yaml:10: jwt.keys[1].file: expected a shared secret of at least 32 bytes, got 11',
    'a.yaml:11: jwt.keys[2].file: expected a readable file, got ENOENT',
    'a.yaml:12: jwt.jwks: expected a JWKS, {"keys":[…]}, got something else',
    'a.yaml:14: apiKeys[0].plan: expected one of visitor, got gold',
    'a.yaml:14: apiKeys[0].expires: expected a time such as 2030-01-31T00:00:00Z, got tomorrow',
    'a.yaml:15: apiKeys[1].hash: expected each hash once, got one again',
    'a.yaml:15: apiKeys[1].patterns[0]: expected venue:type:symbol, each a name or *, got x',
    'a.yaml:16: origins[0]: expected https://host[:port], got https://app.test/',
    'a.yaml:17: trustedProxies[0]: expected an address or a CIDR range, got 10.0.0.0/99'
  ])
    assert.ok(text.includes(expected), `${expected}\nnot in\n${text}`)
})

test('a file by which nobody could log in, or with unknown names, is refused', () => {
  assert.match(refusal('plans: { a: { patterns: [] } }'), /expected anonymous, jwt or apiKeys, got none/)
  assert.match(refusal('anonymous: a'), /plans: expected/)
  assert.match(refusal('plans: {}\nanonymous: a'), /plans: expected at least one plan/)
  assert.match(refusal('anonymous: a\nplans: { a: { patterns: [], symbol: 5 } }'), /symbol/)
  assert.match(
    refusal('anonymous: a\nplans: { a: { patterns: [], minIntervalMs: 70000 } }'),
    /minIntervalMs: expected at most 60000/
  )
  assert.match(
    refusal('anonymous: a\nplans: { a: { patterns: [] } }\njwt: { issuer: i, audience: a }'),
    /jwt: expected keys or jwks/
  )
  assert.match(refusal('anonymous: a\nplans: { a: { patterns: [] } }\norigins: some'), /origins/)
})

test('a secret in the wrong place is refused and not repeated', () => {
  const { key } = makeApiKey()
  const secret = 'a-secret-that-is-no-path'
  const text = refusal(`
plans: { a: { patterns: [] } }
apiKeys: [{ user: u, plan: a, hash: ${key} }]
`)
  assert.match(text, /apiKeys\[0\]\.hash: expected sha256: and 64 hex digits/)
  assert.ok(!text.includes(key))
  const file = refusal(`
plans: { a: { patterns: [] } }
jwt: { issuer: i, audience: a, keys: [{ algorithm: HS256, file: ${secret} }], jwks: ${secret} }
`)
  assert.ok(!file.includes(secret), file)
})

test('the example file is good', () => {
  const example = readFileSync(join(import.meta.dirname, '../../config/access.example.yaml'), 'utf8')
  assert.equal(read(example).anonymous?.name, 'visitor')
  const whole = example
    .replace(/^# (?=(jwt|apiKeys|origins|trustedProxies| {2}.*):?)/gm, '')
    .replace(/^# {3}/gm, '  ')
    .replace('sha256:…', hash)
    .replace('/run/secrets/jwt-secret', 'secret')
    .replace('keys/id.pem', 'rsa.pem')
    .replace('keys/jwks.json', 'jwks.json')
  const config = read(whole)
  assert.deepEqual([config.tokens?.keys.length, config.apiKeys.length, config.trustedProxies.length], [2, 1, 2])
})
