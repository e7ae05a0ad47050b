import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connect } from 'nats'
import { parse } from 'yaml'
import { STREAMS } from '../../lib/buffer/streams.ts'
import { freePort } from '../../lib/cluster/free-port.ts'
import { readStreams } from '../../lib/config/read-streams.ts'
import { cleanUp } from '../kit/clean-up.ts'
import { type PrivateProcess, startProcess } from '../kit/private-process.ts'
import { waitUntil } from '../kit/wait-until.ts'

const ROOT = join(import.meta.dirname, '../..')
const BASE = 'docker-compose.yml'
const OVERLAY = 'deploy/compose.nats-cluster.yml'
const SERVERS = { nats: 'nats-1', 'nats-2': 'nats-2', 'nats-3': 'nats-3' }

interface ComposeService {
  image?: string
  command?: string[]
  environment?: Record<string, string>
  volumes?: string[]
}

function readServices(file: string): Record<string, ComposeService> {
  return parse(readFileSync(join(ROOT, file), 'utf8'), { merge: true }).services
}

const base = readServices(BASE)
const overlay = readServices(OVERLAY)

function compose(t: TestContext, files: readonly string[], passwords: readonly string[]) {
  const dir = mkdtempSync(join(tmpdir(), 'quotecast-deploy-'))
  t.after(() => rmSync(dir, { recursive: true }))
  writeFileSync(join(dir, 'env'), passwords.map(name => `${name}=p1\n`).join(''))
  const args = ['--env-file', join(dir, 'env'), ...files.flatMap(file => ['-f', join(ROOT, file)]), 'config']
  return spawnSync('docker-compose', args, { cwd: dir, encoding: 'utf8' })
}

test('docker-compose lays the cluster over the single server, and asks for the password of its routes', t => {
  if (spawnSync('docker-compose', ['-v']).error !== undefined) return t.skip('docker-compose is not installed')
  const all = readFileSync(join(ROOT, '.env.example'), 'utf8').match(/^\w+(?==)/gm) ?? []
  const { status, stdout, stderr } = compose(t, [BASE, OVERLAY], all)
  assert.equal(status, 0, stderr)
  const { services }: { services: Record<string, ComposeService> } = parse(stdout)
  const asked = Object.keys(base.nats?.environment ?? {})
  const volumes = new Set<string>()
  for (const [service, name] of Object.entries(SERVERS)) {
    const { image, command, environment = {}, volumes: mounted = [] } = services[service] ?? {}
    assert.equal(image, base.nats?.image)
    assert.deepEqual(command, ['-c', '/etc/nats/cluster.conf'])
    assert.equal(environment.NATS_SERVER_NAME, name)
    const routes: unknown = JSON.parse(environment.NATS_ROUTES ?? '')
    assert.deepEqual(
      routes,
      Object.values(SERVERS).map(host => `nats://route:p1@${host}:6222`)
    )
    for (const password of asked) assert.equal(environment[password], 'p1', `${name} knows ${password}`)
    assert.equal(mounted.length, 2)
    volumes.add(mounted.find(volume => volume.includes(':/data')) ?? '')
  }
  assert.equal(volumes.size, 3, 'each has a disk of its own')

  const others = all.filter(name => name !== 'NATS_ROUTE_PASSWORD')
  assert.match(compose(t, [BASE, OVERLAY], others).stderr, /NATS_ROUTE_PASSWORD/)
  assert.equal(compose(t, [BASE], others).status, 0, 'a single server has no routes')
})

test('every actor knows all three servers and the streams file', () => {
  const hosts = Object.values(SERVERS).map(host => `${host}:4222`)
  for (const [name, { image, environment }] of Object.entries(base)) {
    if (image !== 'quotecast') continue
    const { TRANSPORTER, STREAMS: file, ...rest } = overlay[name]?.environment ?? {}
    assert.equal(TRANSPORTER, environment?.TRANSPORTER?.replace('nats:4222', hosts.join(',')))
    assert.deepEqual(overlay[name]?.volumes, [`./deploy/streams.nats-cluster.yaml:/app/${file}:ro`])
    assert.deepEqual(rest, {})
  }
})

test('the streams file keeps every stream on three servers, and says of the disk what their configuration does', () => {
  const file = 'deploy/streams.nats-cluster.yaml'
  const { streams, fsync } = readStreams(readFileSync(join(ROOT, file), 'utf8'), file, STREAMS)
  assert.deepEqual(
    streams.map(({ replicas }) => replicas),
    STREAMS.map(() => 3)
  )
  assert.equal(fsync, 'always')
  assert.match(readFileSync(join(ROOT, 'deploy/nats/nats.conf'), 'utf8'), /^\s*sync_interval: always$/m)
})

test('three servers with this configuration find each other and keep a stream together; one without the password stays outside', async t => {
  const users = readFileSync(join(ROOT, 'deploy/nats/users.conf'), 'utf8')
  const passwords = Object.fromEntries([...users.matchAll(/\$(NATS_\w+)/g)].map(([, name = '']) => [name, `p-${name}`]))
  const ports = [await freePort(), await freePort(), await freePort()]
  const start = (n: number, password: string): Promise<PrivateProcess> => {
    const routes = ports.map(port => `"nats://route:${password}@127.0.0.1:${port}"`)
    const env = {
      PATH: process.env.PATH,
      ...passwords,
      NATS_SERVER_NAME: `nats-${n}`,
      NATS_ROUTE_PASSWORD: password,
      NATS_ROUTES: `[${routes.join(', ')}]`
    }
    return startProcess(t, {
      name: `nats-${n}`,
      binary: 'nats-server',
      env: () => env,
      prepare: async ({ dir }) => moveConfiguration(dir, ports[n - 1] ?? 0),
      args: ({ port, dir }) => ['-a', '127.0.0.1', '-p', String(port), '-c', join(dir, 'cluster.conf')],
      ready: async (_place, output) => output.includes('Server is ready')
    })
  }
  const [first] = await Promise.all([start(1, 'right'), start(2, 'right'), start(3, 'right')])
  const pass = passwords.NATS_OPERATOR_PASSWORD
  const operator = await connect({ servers: `127.0.0.1:${first?.port}`, user: 'operator', pass })
  cleanUp(t, () => operator.close())
  const { streams } = await operator.jetstreamManager({ checkAPI: false, timeout: 1_000 })
  const add = () => streams.add({ name: 'MOL-quotes', subjects: ['MOL.JS.quotes.>'], num_replicas: 3 })
  await waitUntil('they keep a stream together', () => add().then(isKept, () => false))

  ports.push(await freePort())
  const stranger = await start(4, 'wrong')
  await waitUntil('it is sent away', async () =>
    /Authorization Violation|authentication error/i.test(stranger.output())
  )
})

function isKept({ cluster }: { cluster?: { replicas?: unknown[] } }): boolean {
  return cluster?.replicas?.length === 2
}

/** The configuration as it is deployed, but for ports, the disk, and what is newer than the server at hand. */
function moveConfiguration(dir: string, routePort: number): void {
  cpSync(join(ROOT, 'deploy/nats'), dir, { recursive: true })
  const change = (file: string, changes: [RegExp, string][]) => {
    let text = readFileSync(join(dir, file), 'utf8')
    for (const [from, to] of changes) {
      assert.match(text, from)
      text = text.replace(from, to)
    }
    writeFileSync(join(dir, file), text)
  }
  change('nats.conf', [
    [/^http: .*$/m, 'http: "127.0.0.1:-1"'],
    [/"\/data"/, JSON.stringify(join(dir, 'data'))],
    [/^\s*sync_interval: always$/m, '']
  ])
  change('cluster.conf', [[/port: 6222/, `listen: "127.0.0.1:${routePort}"`]])
}
