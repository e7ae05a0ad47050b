import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError } from '../../lib/config/config-error.ts'
import { readSettings } from '../../lib/config/read-settings.ts'

const available = ['fetcher', 'gateway']

function read(env: Record<string, string>, files: Record<string, string> = {}) {
  const readFile = (path: string) => files[path] ?? assert.fail(`no file ${path}`)
  const checkProxies = (lines: readonly string[]) => (lines.includes('bad') ? 'line 2: expected a URL' : null)
  return readSettings({ env, readFile, available, checkProxies })
}

function refusal(env: Record<string, string>): string {
  try {
    read(env)
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.problems.join('\n')
  }
  return assert.fail('expected the environment to be refused')
}

test('an empty environment is the embedded mode', () => {
  const settings = read({})
  assert.deepEqual(settings.transporter, { kind: 'memory' })
  assert.equal(settings.port, 3000)
  assert.equal(settings.history, 'sqlite:data/quotecast.db')
  assert.equal(settings.services, null)
})

test('proxies in front of the gateways are addresses and ranges', () => {
  assert.deepEqual(read({}).trustedProxies, [])
  assert.deepEqual(read({ TRUSTED_PROXIES: '10.0.0.0/8, fd00::/8,192.0.2.1' }).trustedProxies, [
    '10.0.0.0/8',
    'fd00::/8',
    '192.0.2.1'
  ])
  for (const text of ['nginx', '10.0.0.0/99', '10.0.0.1,'])
    assert.match(refusal({ TRUSTED_PROXIES: text }), /^TRUSTED_PROXIES: expected addresses and CIDR ranges/)
})

const cluster = { HISTORY: 'mysql://u:p@db/quotes', LATEST: 'redis://cache' }

test('several NATS servers and credentials are read from one URL', () => {
  assert.deepEqual(read({ ...cluster, TRANSPORTER: 'nats://me:s%40cret@a:4222,b' }).transporter, {
    kind: 'nats',
    servers: ['a:4222', 'b'],
    user: 'me',
    password: 's@cret'
  })
})

test('a token, TLS and a scheme at every server are read from the URL', () => {
  const table = [
    ['nats://a', { servers: ['a'] }],
    ['nats://t%3Aken@a', { servers: ['a'], token: 't:ken' }],
    ['tls://a:4222,b/', { servers: ['a:4222', 'b'], tls: {} }],
    ['nats://a, nats://[::1]:4222', { servers: ['a', '[::1]:4222'] }],
    ['nats://a,tls://b', { servers: ['a', 'b'], tls: {} }]
  ] as const
  for (const [TRANSPORTER, expected] of table) {
    assert.deepEqual(read({ ...cluster, TRANSPORTER }).transporter, { kind: 'nats', ...expected }, TRANSPORTER)
  }
})

test('servers that are none are refused without repeating what may be a secret', () => {
  for (const hosts of ['me:secret', 'a,,b', 'a:port', 'a/secret', 'me:secret@a,me:secret@b', 'me:50%secret@a']) {
    const text = refusal({ ...cluster, TRANSPORTER: `nats://${hosts}` })
    assert.match(text, /^TRANSPORTER: expected /, hosts)
    assert.doesNotMatch(text, /secret/)
  }
  assert.match(
    refusal({ ...cluster, TRANSPORTER: 'tls://a,10.0.0.1:4222' }),
    /expected the name of a host at place 2 of 2/
  )
})

/** Of the form only: nobody's. */
const NKEY = `SU${'A'.repeat(56)}`

test('an NKey or a credentials file comes by its variable or a file', () => {
  const env = { ...cluster, TRANSPORTER: 'nats://a', NATS_NKEY_FILE: '/run/nkey' }
  assert.deepEqual(read(env, { '/run/nkey': `${NKEY}\n` }).transporter, { kind: 'nats', servers: ['a'], nkey: NKEY })
  const creds = [
    '-----BEGIN NATS USER JWT-----\r\ne30.e30.c2ln\r\n------END NATS USER JWT------\r\n\r\nsome advice\r\n',
    `-----BEGIN USER NKEY SEED-----\r\n${NKEY}\r\n------END USER NKEY SEED------`
  ].join('\n')
  assert.deepEqual(read({ ...cluster, TRANSPORTER: 'nats://a', NATS_CREDS: creds }).transporter, {
    kind: 'nats',
    servers: ['a'],
    creds
  })
})

test('what a NATS connection cannot use is refused by the name of its variable, all at once and without secrets', () => {
  const secret = 'SUsecret'
  const variables = { NATS_CREDS: secret, NATS_NKEY: secret, NATS_CA: secret, NATS_KEY: secret }
  const text = refusal({ ...cluster, TRANSPORTER: 'nats://me:secret@a', ...variables })
  for (const expected of [
    /NATS_NKEY: expected one of user, token, nkey, creds, got user and nkey and creds/,
    /NATS_NKEY: expected the seed of a user's NKey, SU… of 58 characters, got something else/,
    /NATS_CREDS: expected the content of a .creds file/,
    /NATS_CA: expected the content of a PEM file with certificates/,
    /NATS_KEY: expected the content of a PEM file with a private key/,
    /NATS_CERT: expected one with key, got none/
  ]) {
    assert.match(text, expected)
  }
  assert.doesNotMatch(text, /secret/)
  assert.match(refusal({ NATS_NKEY: NKEY }), /NATS_NKEY: expected TRANSPORTER=nats:.* got memory:/)
})

test('a secret may stand in a file, but not in both places', () => {
  assert.equal(
    read({ HISTORY_FILE: '/run/history' }, { '/run/history': 'mysql://u:p@db/q\n' }).history,
    'mysql://u:p@db/q'
  )
  assert.match(
    refusal({ HISTORY: 'sqlite:x', HISTORY_FILE: '/nowhere' }),
    /HISTORY and HISTORY_FILE: expected one of them, got both/
  )
})

test('all mistakes are reported at once, and no secret is repeated', () => {
  const text = refusal({
    PORT: '70000',
    TRANSPORTER: 'redis://:secret@x',
    HISTORY: 'postgres://u:secret@x',
    SERVICES: 'fetcher,nope'
  })
  assert.match(text, /PORT: expected a port from 0 to 65535, got "70000"/)
  assert.match(text, /TRANSPORTER: expected memory: or nats:/)
  assert.match(text, /HISTORY: expected sqlite:/)
  assert.match(text, /SERVICES: expected names among fetcher, gateway, or none, got "fetcher,nope"/)
  assert.doesNotMatch(text, /secret/)
})

test('proxies stand on lines or between commas, and a bad one is reported with the other mistakes', () => {
  assert.deepEqual(read({ PROXIES: 'http://a:1, http://b:2\n# note\n' }).proxies, ['http://a:1', 'http://b:2'])
  assert.match(refusal({ PROXIES: 'http://a:1,bad', PORT: 'x' }), /PORT: .*\nPROXIES: line 2: expected a URL/)
})

test('a comment in a list of proxies may hold a comma, and lines are counted as in the file', () => {
  const seen: string[][] = []
  const checkProxies = (lines: readonly string[]) => {
    seen.push([...lines])
    return null
  }
  const file = '# paid, until May\nhttp://a:1\n\n  # spare\nhttp://b:2\n'
  const settings = readSettings({
    env: { PROXIES: '', PROXIES_FILE: 'list' },
    readFile: () => file,
    available,
    checkProxies
  })
  assert.deepEqual(settings.proxies, ['http://a:1', 'http://b:2'])
  assert.deepEqual(seen, [['', 'http://a:1', '', '', 'http://b:2']])
})

test('a password of the transporter that is not percent-encoded is a mistake like any other', () => {
  assert.match(
    refusal({ TRANSPORTER: 'nats://me:50%@host', PORT: 'x' }),
    /PORT: .*\nTRANSPORTER: expected memory: or nats:/
  )
})

test('a cluster refuses stores that live in one process', () => {
  assert.match(refusal({ TRANSPORTER: 'nats://a' }), /HISTORY: expected mysql.*\nLATEST: expected redis/)
})

test('one broker to relay to is read from its URL, and a bad one is refused like any other mistake', () => {
  assert.equal(read({}).relay, '')
  assert.equal(read({ AMQP_URL: 'amqp://u:p@mq/v' }).relay, 'amqp://u:p@mq/v')
  assert.equal(read({ MQTT_URL_FILE: '/run/mqtt' }, { '/run/mqtt': 'mqtts://mq\n' }).relay, 'mqtts://mq')
  const text = refusal({ AMQP_URL: 'http://u:secret@mq', MQTT_URL: 'mqtt://u:sec/ret@mq', PORT: 'x' })
  assert.match(text, /PORT: .*\nAMQP_URL: expected amqp:.*, got http:\nMQTT_URL: expected mqtt:.*, got something else/)
  assert.match(text, /AMQP_URL and MQTT_URL: expected one of them, got both/)
  assert.doesNotMatch(text, /secret|sec\/ret/)
})

test('the relay is not started without a broker', () => {
  const readRelayOf = (env: Record<string, string>) =>
    readSettings({ env, readFile: () => '', available: ['relay'], checkProxies: () => null }).services
  assert.throws(
    () => readRelayOf({ SERVICES: 'relay' }),
    /SERVICES: expected AMQP_URL or MQTT_URL with relay, got neither/
  )
  assert.deepEqual(readRelayOf({ SERVICES: 'relay', AMQP_URL: 'amqp://mq' }), ['relay'])
})
