import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkCredential, readCredential, withoutCredential } from '../../lib/access/credential.ts'
import { allowsOrigin } from '../../lib/access/origins.ts'

test('a credential comes by one of two headers or one of two parameters', () => {
  const token = { kind: 'token', token: 't.o.k' }
  const key = { kind: 'key', key: 'qc_k' }
  assert.deepEqual(readCredential({ url: '/v1/stream', headers: { authorization: 'Bearer t.o.k' } }), token)
  assert.deepEqual(readCredential({ url: '/v1/stream', headers: { authorization: 'bearer   t.o.k' } }), token)
  assert.deepEqual(readCredential({ url: '/v1/stream?token=t.o.k&keys=a', headers: {} }), token)
  assert.deepEqual(readCredential({ url: '/?key=qc_k', headers: {} }), key)
  assert.deepEqual(readCredential({ url: '/', headers: { 'x-api-key': 'qc_k' } }), key)
  assert.equal(readCredential({ url: '/?keys=a&tokens=b', headers: {} }), null)
})

test('two credentials, or one of another kind, are refused rather than chosen from', () => {
  const refused = { code: 'auth_failed' }
  assert.throws(() => readCredential({ url: '/?token=a&token=b', headers: {} }), refused)
  assert.throws(() => readCredential({ url: '/?token=a&key=b', headers: {} }), refused)
  assert.throws(() => readCredential({ url: '/?key=a', headers: { authorization: 'Bearer b' } }), refused)
  for (const authorization of ['Basic dTpw', 'Bearer', 'Bearer a b', ''])
    assert.throws(() => {
      const credential = readCredential({ headers: { authorization } })
      if (credential !== null) checkCredential(credential)
    }, refused)
  assert.throws(() => checkCredential({ kind: 'token', token: 'x'.repeat(8193) }), refused)
})

test('an address keeps everything but the credential, however that is spelt', () => {
  for (const [url, kept] of [
    ['/v1/stream', '/v1/stream'],
    ['/v1/stream?token=secret', '/v1/stream'],
    ['/v1/stream?keys=a%3Ab&key=secret&fields=last', '/v1/stream?keys=a%3Ab&fields=last'],
    ['/?%74oken=secret&a=1', '/?a=1'],
    ['/?token', '/'],
    ['/?a=1?&key=secret', '/?a=1?'],
    ['/?tokens=1', '/?tokens=1'],
    ['/?', '/?']
  ] as const) {
    assert.equal(withoutCredential(url), kept)
    assert.equal(readCredential({ url: withoutCredential(url), headers: {} }), null)
  }
})

test('browsers may come from the pages that are listed, else from the own host only', () => {
  const listed = new Set(['https://app.test', 'http://localhost:8080'])
  assert.ok(allowsOrigin(listed, 'https://app.test', 'gw.test'))
  for (const origin of [
    'https://app.test.evil.test',
    'http://app.test',
    'https://app.test:444',
    'null',
    'https://gw.test',
    ''
  ])
    assert.ok(!allowsOrigin(listed, origin, 'gw.test'), origin)
  assert.ok(allowsOrigin(listed, undefined, 'gw.test'))
  assert.ok(allowsOrigin(null, 'https://gw.test', 'gw.test'))
  assert.ok(allowsOrigin(null, 'https://gw.test', 'GW.test:443'))
  assert.ok(allowsOrigin(null, 'http://127.0.0.1:3000', '127.0.0.1:3000'))
  for (const origin of ['https://gw.test.evil.test', 'https://evil.test', 'null', 'http://gw.test:3001'])
    assert.ok(!allowsOrigin(null, origin, 'gw.test'), origin)
  assert.ok(!allowsOrigin(null, 'https://gw.test', undefined))
  assert.ok(allowsOrigin('any', 'https://evil.test', 'gw.test'))
})
