import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readTls } from '../../lib/config/read-tls.ts'
import { makeCertificates, skipWithoutOpenssl } from '../transport/make-certificates.ts'

function read(cert: string, key: string) {
  const problems: string[] = []
  const setting = readTls({ TLS_CERT: cert, TLS_KEY: key }, problem => problems.push(problem))
  return { setting, problems }
}

test('a certificate comes with its own key, or not at all', { skip: skipWithoutOpenssl }, t => {
  const { server, client } = makeCertificates(t)
  assert.deepEqual(read('', ''), { setting: null, problems: [] })
  assert.deepEqual(read(server.cert, server.key), { setting: { cert: server.cert, key: server.key }, problems: [] })
  for (const [cert, key, expected] of [
    [server.cert, '', ['TLS_KEY: expected one with TLS_CERT, got none']],
    ['', server.key, ['TLS_CERT: expected one with TLS_KEY, got none']],
    [server.cert, client.key, ['TLS_KEY: expected the key of TLS_CERT, got another one']],
    [
      'secret',
      'secret',
      [
        'TLS_CERT: expected the content of a PEM file with a certificate, got something else',
        'TLS_KEY: expected the content of a PEM file with a private key, got something else'
      ]
    ]
  ] as const)
    assert.deepEqual(read(cert, key).problems, expected)
})
