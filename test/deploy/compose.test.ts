import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { parse } from 'yaml'
import { TrustedProxies } from '../../lib/access/client-address.ts'
import { freePort } from '../../lib/cluster/free-port.ts'
import { probe } from '../../lib/cluster/probe.ts'
import { VARIABLES } from '../../lib/config/read-settings.ts'
import { waitUntil } from '../kit/wait-until.ts'

const ROOT = join(import.meta.dirname, '../..')

interface ComposeService {
  image: string
  command?: string[]
  ports?: string[]
  environment?: Record<string, string>
  restart?: string
  profiles?: string[]
  healthcheck?: { test: string[] }
}

const text = readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8')
const services: Record<string, ComposeService> = parse(text, { merge: true }).services
const actors = Object.entries(services).filter(([, { image }]) => image === 'quotecast')
const passwords = readFileSync(join(ROOT, '.env.example'), 'utf8').match(/^\w+(?==)/gm) ?? []

function isMissing(t: TestContext, command: string): boolean {
  const missing = spawnSync(command, ['-v']).error !== undefined
  if (missing) t.skip(`${command} is not installed`)
  return missing
}

/** A temporary file that is removed after the test. */
function writeTemporary(t: TestContext, name: string, content: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'quotecast-deploy-'))
  t.after(() => rmSync(dir, { recursive: true }))
  writeFileSync(join(dir, name), content)
  return join(dir, name)
}

function config(t: TestContext, variables: readonly string[]) {
  const env = writeTemporary(t, 'env', variables.map(name => `${name}=p1\n`).join(''))
  const args = ['--env-file', env, '-f', join(ROOT, 'docker-compose.yml'), 'config', '--quiet']
  return spawnSync('docker-compose', args, { cwd: tmpdir(), encoding: 'utf8' })
}

test('docker-compose accepts the file', t => {
  if (isMissing(t, 'docker-compose')) return
  const { status, stderr } = config(t, passwords)
  assert.equal(status, 0, stderr)
})

test('docker-compose refuses to start while a password is missing', t => {
  if (isMissing(t, 'docker-compose')) return
  for (const missing of ['NATS_FEED_PASSWORD', 'MYSQL_PASSWORD', 'REDIS_PASSWORD']) {
    const { status, stderr } = config(
      t,
      passwords.filter(name => name !== missing)
    )
    assert.notEqual(status, 0, `started without ${missing}`)
    assert.match(stderr, /\.env\.example/)
  }
})

test('the relay and its broker start with their profile only, all others always', () => {
  const profiled = Object.entries(services).flatMap(([name, { profiles }]) => (profiles ? [[name, ...profiles]] : []))
  assert.deepEqual(profiled.sort(), [
    ['rabbitmq', 'rabbitmq'],
    ['relay', 'rabbitmq']
  ])
})

test('.env.example names exactly the passwords that the file and what is laid over it ask for', () => {
  const overlays = globSync('deploy/compose.*.yml', { cwd: ROOT }).map(file => readFileSync(join(ROOT, file), 'utf8'))
  const asked = [text, ...overlays].flatMap(file => [...file.matchAll(/\$\{(\w+):\?/g)].map(([, name]) => name))
  assert.deepEqual([...passwords].sort(), [...new Set(asked)].sort())
})

test('there is one service for every actor, named like it, and none besides', () => {
  const exist = globSync('services/*.service.ts', { cwd: ROOT }).map(file => basename(file, '.service.ts'))
  assert.deepEqual(actors.map(([name]) => name).sort(), exist.sort())
  for (const [name, { environment }] of actors) {
    assert.equal(environment?.SERVICES, name)
    assert.ok(environment?.TRANSPORTER?.startsWith(`nats://${name}:`), `${name} has a NATS user of its own`)
  }
})

test('actors are given only variables that exist', () => {
  for (const [name, { environment = {} }] of actors) {
    const unknown = Object.keys(environment).filter(variable => !(variable.replace(/_FILE$/, '') in VARIABLES))
    assert.deepEqual(unknown, [], name)
  }
})

test('clients behind nginx are told apart without a file, whatever network Docker gives, and are not taken for proxies', () => {
  const given = services.gateway?.environment?.TRUSTED_PROXIES ?? ''
  const ranges = given.match(/^\$\{TRUSTED_PROXIES:-(.+)\}$/)?.[1]?.split(',') ?? []
  const proxies = new TrustedProxies(ranges)
  for (const nginx of ['172.18.0.5', '172.31.255.2', '192.168.16.7', '10.89.0.4'])
    assert.equal(proxies.clientOf(`::ffff:${nginx}`, '198.51.100.1'), '198.51.100.1', nginx)
  assert.equal(proxies.clientOf('172.18.0.5', '192.168.1.20'), '192.168.1.20')
  assert.equal(proxies.clientOf('198.51.100.2', '198.51.100.1'), '198.51.100.2')
})

test('the passwords of the stores are given only to the actors that open them', () => {
  const knows = (password: string) =>
    actors.filter(([, { environment }]) => JSON.stringify(environment).includes(password)).map(([name]) => name)
  assert.deepEqual(knows('MYSQL_PASSWORD'), ['storage'])
  assert.deepEqual(knows('REDIS_PASSWORD'), ['latest'])
  assert.deepEqual(knows('RABBITMQ_PASSWORD'), ['relay'])
})

test('only the front door is published, and everything comes back after a failure', () => {
  const published = Object.entries(services).filter(([, { ports }]) => ports !== undefined)
  assert.deepEqual(
    published.map(([name, { ports }]) => [name, ports?.length]),
    [['nginx', 1]]
  )
  for (const [name, { restart }] of Object.entries(services)) assert.equal(restart, 'unless-stopped', name)
  for (const name of ['nats', 'mysql', 'redis', 'rabbitmq', 'gateway', 'nginx'])
    assert.ok(services[name]?.healthcheck, name)
})

test('nginx accepts its configuration', t => {
  if (isMissing(t, 'nginx')) return
  const prefix = mkdtempSync(join(tmpdir(), 'quotecast-nginx-'))
  t.after(() => rmSync(prefix, { recursive: true }))
  const { status, stderr } = spawnSync('nginx', ['-t', '-p', prefix, '-c', join(ROOT, 'deploy/nginx.conf')], {
    encoding: 'utf8'
  })
  assert.equal(status, 0, stderr)
})

test('redis hears the signal to stop: it takes the place of the shell that writes its password', async t => {
  if (isMissing(t, 'redis-server')) return
  const config = readFileSync(join(ROOT, 'deploy/redis.conf'), 'utf8')
  const given = writeTemporary(t, 'given.conf', '')
  const place = dirname(given)
  const port = await freePort()
  writeFileSync(given, `${config.replace(/^dir .*$/m, `dir ${place}`)}\nport ${port}\nbind 127.0.0.1\n`)
  const script = (services.redis?.command?.at(-1) ?? '')
    .replaceAll('$$', '$')
    .replaceAll('/etc/redis.conf', given)
    .replaceAll('/tmp/redis.conf', join(place, 'redis.conf'))
  const env = { PATH: process.env.PATH, REDIS_PASSWORD: 'p1' }
  const redis = spawn('sh', ['-c', script], { env, stdio: 'ignore', detached: true })
  // With all that it has started; a group that is gone already is what the test is about.
  t.after(() => spawnSync('kill', ['-KILL', '--', `-${redis.pid}`]))
  const exited = once(redis, 'exit')
  await waitUntil('it asks for its password', () =>
    probe(port, 'PING\r\n', reply => (reply.includes('\r\n') ? reply.startsWith('-NOAUTH') : undefined))
  )
  redis.kill('SIGTERM')
  assert.deepEqual(await exited, [0, null])
})
