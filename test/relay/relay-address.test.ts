import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { openRelay } from '../../lib/relay/open-relay.ts'
import { parseRelayUrl, relayUrlProblem } from '../../lib/relay/relay-address.ts'
import { RelayError } from '../../lib/relay/relay-error.ts'
import { startMosquitto } from '../kit/mosquitto.ts'
import { startRabbitmq } from '../kit/rabbitmq.ts'

const ANYWHERE = { tls: false, user: undefined, password: undefined, vhost: '/', unroutable: 'keep', retain: false }

test('the URL of a broker is read with its port, user, vhost and options', () => {
  const cases = [
    ['amqp://mq', { kind: 'amqp', host: 'mq', port: 5672 }],
    ['amqps://mq/', { kind: 'amqp', tls: true, host: 'mq', port: 5671 }],
    ['mqtt://[::1]', { kind: 'mqtt', host: '::1', port: 1883 }],
    ['mqtts://mq?retain=true', { kind: 'mqtt', tls: true, host: 'mq', port: 8883, retain: true }],
    [
      'amqp://me:p%40ss%2F@mq:1/eu%2Fprod?unroutable=drop',
      { kind: 'amqp', host: 'mq', port: 1, user: 'me', password: 'p@ss/', vhost: 'eu/prod', unroutable: 'drop' }
    ]
  ] as const
  for (const [url, expected] of cases) assert.deepEqual(parseRelayUrl(url), { ...ANYWHERE, ...expected }, url)
})

test('a URL that is none is refused with what was expected and what came, and without a secret', () => {
  const cases = [
    ['redis://u:s3cret@h', 'amqp', /^expected amqp:\/\/user:password@host:port\/vhost or amqps:.*, got redis:$/],
    ['mqtt://u:s3cret@h', 'amqp', /^expected amqp:.*, got mqtt:$/],
    ['s3cret', 'mqtt', /^expected mqtt:.*, got no scheme$/],
    ['amqp://u:s3/cret@h', 'amqp', /percent-encoded, got something else$/],
    ['amqp://u:50%s3cret@h', 'amqp', /percent-encoded, got something else$/],
    ['amqp://', 'amqp', /, got (no host|something else)$/],
    ['amqp://u:1#s3cret@h', 'amqp', /# as %23, got #$/],
    ['amqp://u:1?s3cret@h', 'amqp', /^expected options among unroutable=keep or drop, got another$/],
    ['amqp://h/a/s3cret', 'amqp', /^expected \/ in the vhost as %2F, got \/$/],
    ['mqtt://h/s3cret', 'mqtt', /, got a path$/],
    ['mqtt://h?retain=s3cret', 'mqtt', /^expected options among .*retain=true or false, got another$/],
    ['amqp://h?retain=true', 'amqp', /^expected options among unroutable/]
  ] as const
  for (const [url, kind, expected] of cases) {
    const problem = relayUrlProblem(url, kind) ?? assert.fail(`accepted ${url}`)
    assert.match(problem, expected, url)
    assert.doesNotMatch(problem, /s3|cret/)
  }
})

test('no error tells a password: of a bad URL, of a broker that is away, of one that refuses', async t => {
  const brokers = await Promise.all([startRabbitmq(t), startMosquitto(t)])
  const cases = [
    ['amqp://u:s3cret@127.0.0.1:1', 'connection_lost'],
    ['mqtt://u:s3cret@127.0.0.1:1', 'connection_lost'],
    ['amqp://u:s3/cret@127.0.0.1', 'bad_url'],
    ['http://u:s3cret@127.0.0.1', 'bad_url'],
    ...brokers.map(({ url }) => [url.replace('p%40ss', 's3cret'), 'denied'] as const),
    ...brokers.slice(0, 1).map(({ url }) => [`${url}/s3cret-vhost`, 'denied'] as const)
  ] as const
  for (const [url, code] of cases) {
    const error = await problemOf(url)
    assert.ok(error instanceof RelayError, url)
    assert.deepEqual([error.code, error.isAway], [code, code === 'connection_lost'], error.message)
    assert.doesNotMatch(inspect(error, { depth: 9, showHidden: true }), /s3cret(?!-vhost)|p@ss/)
  }
})

/** What is told of a broker that cannot be used: by a rejection, or where it is only away by `onAway`. */
async function problemOf(url: string): Promise<unknown> {
  let problem: unknown
  try {
    const relay = await openRelay(url, {
      onAway: error => {
        problem = error
      }
    })
    await relay.close()
  } catch (error) {
    problem = error
  }
  return problem
}
