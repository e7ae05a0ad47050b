import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { AckPolicy, connect, type NatsConnection } from 'nats'
import { STREAMS, withRelay } from '../../lib/buffer/streams.ts'
import { jetStreamNames } from '../../lib/transport/jetstream-names.ts'
import { startProcess } from '../kit/private-process.ts'
import { waitUntil } from '../kit/wait-until.ts'

const FOLDER = join(import.meta.dirname, '../../deploy/nats')
const users = readFileSync(join(FOLDER, 'users.conf'), 'utf8')
const NAMES = [...users.matchAll(/user: (\w+)/g)].map(([, name = '']) => name)
const passwords = Object.fromEntries(NAMES.map(name => [`NATS_${name.toUpperCase()}_PASSWORD`, `p-${name}`]))
const env = { PATH: process.env.PATH, ...passwords }

const names = jetStreamNames('MOL')
const quotes = withRelay(STREAMS).find(({ name }) => name === 'quotes')!
const work = STREAMS.find(({ name }) => name === 'work')!

test('the servers’ configuration is accepted, but for what is newer than the server at hand', t => {
  const dir = mkdtempSync(join(tmpdir(), 'quotecast-nats-'))
  t.after(() => rmSync(dir, { recursive: true }))
  cpSync(FOLDER, dir, { recursive: true })
  const check = () => spawnSync('nats-server', ['-t', '-c', join(dir, 'nats.conf')], { encoding: 'utf8', env })
  const first = check()
  if (/unknown field "sync_interval"|sync_interval/.test(first.stderr)) {
    t.diagnostic('this nats-server does not know `sync_interval: always`: checked without it')
    const text = readFileSync(join(dir, 'nats.conf'), 'utf8')
    writeFileSync(join(dir, 'nats.conf'), text.replace(/^\s*sync_interval: always$/m, ''))
  }
  const { status, stderr } = check()
  assert.equal(status, 0, stderr)
})

/** A server with these users, and a connection of each of them by name. */
async function startServer(t: TestContext): Promise<(user: string) => Promise<NatsConnection>> {
  const server = await startProcess(t, {
    name: 'nats-users',
    binary: 'nats-server',
    debianPackage: 'nats-server',
    env: () => env,
    prepare: async ({ dir }) => writeFileSync(join(dir, 'nats.conf'), `jetstream { store_dir: "${dir}" }\n${users}`),
    args: ({ port, dir }) => ['-a', '127.0.0.1', '-p', String(port), '-c', join(dir, 'nats.conf')],
    ready: async (_place, output) => output.includes('Server is ready')
  })
  return async user => {
    const connection = await connect({ servers: `127.0.0.1:${server.port}`, user, pass: `p-${user}` })
    t.after(() => connection.close())
    return connection
  }
}

/** The permission violations that the server has told a connection. */
function watchRefusals(connection: NatsConnection): string[] {
  const refused: string[] = []
  void (async () => {
    for await (const { type, data } of connection.status()) {
      if (type === 'error') refused.push(String(data))
    }
  })()
  return refused
}

test('only who makes a durable event may publish it', async t => {
  const connectAs = await startServer(t)
  const operator = await connectAs('operator')
  const manager = await operator.jetstreamManager()
  for (const spec of [quotes, work]) {
    await manager.streams.add({ name: names.stream(spec), subjects: [names.subjects(spec)] })
  }
  const cases = [
    { spec: quotes, event: 'quotes.received', makers: ['fetcher', 'feed', 'buffer', 'operator'] },
    { spec: work, event: 'fetch.due', makers: ['scheduler', 'buffer', 'operator'] }
  ]
  for (const { spec, event, makers } of cases) {
    const allowed: string[] = []
    for (const user of NAMES) {
      const connection = await connectAs(user)
      const refusals = watchRefusals(connection)
      connection.publish(names.subject(spec, event), 'x')
      await connection.flush()
      const { state } = await manager.streams.info(names.stream(spec))
      if (state.messages > 0) allowed.push(user)
      else await waitUntil(`${user} is refused`, () => refusals.length === 1)
      await manager.streams.purge(names.stream(spec))
    }
    assert.deepEqual(allowed.sort(), makers.sort(), event)
  }
})

test('a stream is purged and deleted by nobody but buffer and operator', async t => {
  const connectAs = await startServer(t)
  const allowed: string[] = []
  for (const user of NAMES) {
    const manager = await (await connectAs(user)).jetstreamManager({ checkAPI: false, timeout: 300 })
    const refusals: unknown[] = []
    await manager.streams.purge(names.stream(quotes)).catch(error => refusals.push(error))
    // Whoever may ask is told that there is no such stream.
    if (/stream not found/.test(String(refusals[0]))) allowed.push(user)
  }
  assert.deepEqual(allowed.sort(), ['buffer', 'operator'])
})

test('a group is read only by the service of its name', async t => {
  const connectAs = await startServer(t)
  const operator = await connectAs('operator')
  const manager = await operator.jetstreamManager()
  await manager.streams.add({ name: names.stream(quotes), subjects: [names.subjects(quotes)] })
  for (const group of quotes.groups) {
    await manager.consumers.add(names.stream(quotes), {
      durable_name: names.consumer(group),
      ack_policy: AckPolicy.Explicit
    })
  }
  for (const group of quotes.groups) {
    const allowed: string[] = []
    for (const user of NAMES) {
      const connection = await connectAs(user)
      const subject = `$JS.API.CONSUMER.MSG.NEXT.${names.stream(quotes)}.${names.consumer(group)}`
      const reply = await connection
        .request(subject, JSON.stringify({ batch: 1, no_wait: true }), { timeout: 300 })
        .catch(() => null)
      if (reply !== null) allowed.push(user)
    }
    // A gateway's own consumers have names that nobody knows beforehand, so it may ask for any; it may not acknowledge for a group.
    assert.deepEqual(allowed.sort(), ['buffer', 'gateway', group, 'operator'].sort(), group)
  }
})

test('gateways ask the stores and each other; nobody else but the operator asks a gateway for anything', async t => {
  const connectAs = await startServer(t)
  const subjects = [
    'MOL.REQB.storage.page',
    'MOL.REQB.storage.asOf',
    'MOL.REQB.storage.keys',
    'MOL.REQB.latest.snapshot'
  ]
  const asked: string[] = []
  const operator = await connectAs('operator')
  operator.subscribe('MOL.>', { callback: (_error, { subject, data }) => asked.push(`${data} ${subject}`) })
  await operator.flush()
  const wanted = [...subjects, 'MOL.REQ.gateway-b', 'MOL.REQB.gateway.kick']
  for (const user of NAMES) {
    const connection = await connectAs(user)
    for (const subject of wanted) connection.publish(subject, user)
    await connection.flush()
  }
  await operator.flush()
  const of = (name: string) => asked.filter(line => line.startsWith(`${name} `)).map(line => line.split(' ')[1])
  assert.deepEqual(of('gateway'), [...subjects, 'MOL.REQ.gateway-b'])
  const toGateways = asked.filter(line => line.includes('gateway-b') || line.includes('.gateway.'))
  assert.deepEqual([...new Set(toGateways.map(line => line.split(' ')[0]))].sort(), ['gateway', 'operator'])
})

test('only a service itself answers for its actions', async t => {
  const connectAs = await startServer(t)
  const feed = await connectAs('feed')
  const refusals = watchRefusals(feed)
  feed.subscribe('MOL.REQB.storage.history', { callback() {} })
  await feed.flush()
  await waitUntil('the subscription is refused', () => refusals.length === 1)
  const storage = await connectAs('storage')
  const answers: string[] = []
  storage.subscribe('MOL.REQB.storage.history', { callback: (_error, { subject }) => answers.push(subject) })
  await storage.flush()
  const gateway = await connectAs('gateway')
  gateway.publish('MOL.REQB.storage.history', 'x')
  await waitUntil('the request arrived', () => answers.length === 1)
})
