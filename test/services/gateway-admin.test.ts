import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Context } from 'moleculer'
import type { AccessConfig } from '../../lib/access/access.ts'
import { OPEN_ACCESS } from '../../lib/access/access.ts'
import { type GatewayAction, type GatewayActions, type GatewayBus, GatewayFleet } from '../../lib/push/gateway-fleet.ts'
import { CommandInput } from '../../lib/repl/command-input.ts'
import { GATEWAY_SPECS } from '../../lib/repl/gateway-commands.ts'
import { replCommand } from '../../lib/repl/repl-command.ts'
import { gatewayService } from '../../services/gateway.service.ts'
import { accessConfig, makeKeyEntry, makePlan, PRO } from '../access/make-access.ts'
import { makeBroker } from '../kit/make-broker.ts'
import { startNatsServer } from '../kit/nats-server.ts'
import { ProtocolClient } from '../kit/protocol-client.ts'
import { waitUntil } from '../kit/wait-until.ts'

const ADMIN = makeKeyEntry('ops', PRO, { isAdmin: true })
const USER = makeKeyEntry('ann', PRO)
const ACCESS = accessConfig({
  anonymous: makePlan('visitor', ['*:*:*']),
  apiKeys: [ADMIN.entry, USER.entry]
})
const BY_ADMIN = { 'x-api-key': ADMIN.key }

interface Gateway {
  broker: GatewayBus
  port: number
  api: string
}

/** Gateways of one cluster over a real NATS server, each with a broker of its own. */
async function openGateways(t: TestContext, names: string[], access: AccessConfig = ACCESS): Promise<Gateway[]> {
  const { server } = await startNatsServer(t)
  const gateways: Gateway[] = []
  for (const [index, nodeID] of names.entries()) {
    const broker = await makeBroker(t, { kind: 'nats', servers: [server] }, { nodeID })
    broker.createService(
      gatewayService({ port: () => 0, instruments: () => ['demo:spot:A'], demoSources: () => [], access: () => access })
    )
    if (index === 0)
      broker.createService({
        name: 'latest',
        actions: { snapshot: (_ctx: Context<unknown>) => ({ candidates: [], next: null }) }
      })
    await broker.start()
    const { port } = await broker.call<{ port: number }, undefined>('gateway.address', undefined, { nodeID })
    gateways.push({ broker, port, api: `http://127.0.0.1:${port}/api/v1/admin` })
  }
  for (const { broker, api } of gateways) {
    await waitUntil('it is ready', async () => (await fetch(new URL('/ready', api))).ok)
    await waitUntil('it knows them all', async () => (await new GatewayFleet(broker).nodes()).length === names.length)
  }
  return gateways
}

interface Answer {
  status: number
  type: string | null
  body: Record<string, unknown>
}

async function ask(url: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, init)
  const body = (await response.json()) as Record<string, unknown>
  return { status: response.status, type: response.headers.get('content-type'), body }
}

const send = (url: string, method: string, body: unknown, headers: Record<string, string> = BY_ADMIN) =>
  ask(url, { method, headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(body) })

/** Logs a client in by the user's key. */
async function connectUser(t: TestContext, port: number): Promise<ProtocolClient> {
  const client = await ProtocolClient.connect(t, port)
  assert.equal((await client.request({ type: 'auth', key: USER.key })).type, 'ok')
  return client
}

test('the actions of the service answer what the fleet expects', () => {
  type Served = {
    [A in GatewayAction]: {
      handler(this: never, ctx: never): ReturnType<GatewayActions[A]>
    }
  }
  const deps = { port: () => 0, instruments: () => [], demoSources: () => [] }
  const served: Served = gatewayService(deps).actions
  for (const action of ['health', 'sessions', 'session', 'kick', 'limits', 'drain', 'undrain'] as const)
    assert.equal(typeof served[action].handler, 'function')
})

test('one request to any gateway tells of the sessions of all, and of one where it names a node', async t => {
  const [first, second] = (await openGateways(t, ['gw-1', 'gw-2'])) as [Gateway, Gateway]
  const here = await connectUser(t, first.port)
  const there = await ProtocolClient.connect(t, second.port)
  await there.subscribe({ keys: ['demo:spot:A'] })

  type Page = { node: string; total: number; sessions: { id: string; user: string | null }[] }
  const all = await ask(`${first.api}/sessions`, { headers: BY_ADMIN })
  assert.deepEqual(
    (all.body.gateways as Page[]).map(({ node, total, sessions }) => [node, total, sessions[0]?.id]),
    [
      ['gw-1', 1, here.welcome.session],
      ['gw-2', 1, there.welcome.session]
    ]
  )
  const one = await ask(`${first.api}/sessions?node=gw-2&limit=1`, { headers: BY_ADMIN })
  assert.deepEqual(
    (one.body.gateways as Page[]).map(({ node }) => node),
    ['gw-2']
  )
  const anns = await ask(`${second.api}/sessions?user=ann`, { headers: BY_ADMIN })
  assert.deepEqual(
    (anns.body.gateways as Page[]).map(({ sessions }) => sessions.length),
    [1, 0]
  )

  const details = await ask(`${first.api}/sessions/${there.welcome.session}`, { headers: BY_ADMIN })
  assert.deepEqual([details.status, details.body.node, (details.body.subs as unknown[]).length], [200, 'gw-2', 1])
  assert.equal((await ask(`${first.api}/sessions/s_nobody`, { headers: BY_ADMIN })).status, 404)
  assert.equal((await ask(`${first.api}/sessions?node=gw-3`, { headers: BY_ADMIN })).status, 404)
  for (const path of ['limit=0', 'limit=501', 'after=x', 'nonsense=1', 'user=']) {
    const { status, type, body } = await ask(`${first.api}/sessions?${path}`, { headers: BY_ADMIN })
    assert.deepEqual([status, type], [400, 'application/problem+json; charset=utf-8'], path)
    assert.equal(typeof body.parameter, 'string', path)
  }
  const texts = JSON.stringify([all, details])
  for (const secret of [USER.key, ADMIN.key, String(here.welcome.resumeToken), String(there.welcome.resumeToken)])
    assert.ok(!texts.includes(secret))
})

test('a user is closed on every gateway, and limits change on every gateway or on one', async t => {
  const [first, second] = (await openGateways(t, ['gw-1', 'gw-2'])) as [Gateway, Gateway]
  const clients = [await connectUser(t, first.port), await connectUser(t, second.port)]
  const other = await ProtocolClient.connect(t, first.port)
  const kicked = await send(`${first.api}/kick`, 'POST', { user: 'ann' })
  assert.deepEqual(
    (kicked.body.gateways as { kicked: string[] }[]).map(one => one.kicked.length),
    [1, 1]
  )
  await waitUntil('both are closed', () => clients.every(({ closed }) => closed?.code === 4003))
  assert.equal(other.closed, null)

  type Limits = { node: string; limits: { symbols: number }; changed: unknown[] }
  const changed = await send(`${first.api}/limits?node=gw-2`, 'PATCH', { symbols: 7 })
  assert.deepEqual((changed.body.gateways as Limits[])[0]?.changed, [{ limit: 'symbols', from: 20_000, to: 7 }])
  const shown = await ask(`${second.api}/limits`, { headers: BY_ADMIN })
  assert.deepEqual(
    (shown.body.gateways as Limits[]).map(({ limits }) => limits.symbols),
    [20_000, 7]
  )
  for (const body of [{ symbols: -1 }, { nonsense: 1 }, { softBytes: 1e9 }]) {
    const refused = await send(`${first.api}/limits`, 'PATCH', body)
    assert.deepEqual([refused.status, refused.body.parameter], [400, Object.keys(body)[0]])
    assert.ok('expected' in refused.body && 'got' in refused.body)
  }

  assert.equal((await send(`${first.api}/drain`, 'POST', {})).status, 400)
  assert.equal((await send(`${second.api}/drain?node=gw-1`, 'POST', { inMs: 60_000 })).status, 200)
  await waitUntil('it was told', () => other.of('bye').length === 1)
  assert.equal((await fetch(new URL('/ready', first.api))).status, 503)
  assert.equal((await fetch(new URL('/ready', second.api))).status, 200)
  assert.equal((await send(`${second.api}/undrain?node=gw-1`, 'POST', {})).status, 200)
  assert.equal((await fetch(new URL('/ready', first.api))).status, 200)
})

test('only an admin key opens the administration, and a call inside the cluster without a request does not', async t => {
  const [gateway] = (await openGateways(t, ['gw-1'])) as [Gateway]
  const { api, broker } = gateway
  const paths = [
    ['GET', '/sessions'],
    ['GET', '/sessions/s_1'],
    ['POST', '/kick'],
    ['GET', '/limits'],
    ['PATCH', '/limits'],
    ['POST', '/drain?node=gw-1'],
    ['POST', '/undrain?node=gw-1']
  ] as const
  for (const [method, path] of paths) {
    assert.equal((await ask(api + path, { method })).status, 401, path)
    assert.equal((await ask(api + path, { method, headers: { 'x-api-key': USER.key } })).status, 403, path)
    assert.equal((await ask(api + path, { method, headers: { 'x-api-key': 'nonsense' } })).status, 401, path)
  }
  const call = (action: string) =>
    broker.call<string, unknown>(action, { user: 'ann' }, { nodeID: 'gw-1', timeout: 1000 })
  assert.equal(JSON.parse(await call('gateway.adminKick')).status, 401)
})

test('a body is bounded, and has to be a JSON object', async t => {
  const [{ api }] = (await openGateways(t, ['gw-1'])) as [Gateway]
  const post = (body: string, type = 'application/json') =>
    ask(`${api}/kick`, { method: 'POST', headers: { ...BY_ADMIN, 'content-type': type }, body })
  assert.equal((await post(JSON.stringify({ user: 'x'.repeat(5000) }))).status, 413)
  assert.equal((await post(JSON.stringify({ user: 'x'.repeat(500_000) }))).status, 413)
  for (const body of ['[]', '"x"', 'null', '{', '{"user":1}', '{}', '{"user":"a","session":"b"}', '{"user":"a","x":1}'])
    assert.equal((await post(body)).status, 400, body)
  assert.equal((await post('user=ann', 'application/x-www-form-urlencoded')).status, 415)
  assert.deepEqual((await post('{"user":"nobody"}')).body.gateways, [{ node: 'gw-1', kicked: [] }])
})

test('where nobody can log in there is no administration by REST', async t => {
  const [{ api }] = (await openGateways(t, ['gw-1'], OPEN_ACCESS)) as [Gateway]
  for (const path of ['/sessions', '/limits'])
    assert.equal((await ask(api + path, { headers: BY_ADMIN })).status, 404, path)
})

test('the commands of the REPL work on all gateways, and on one by its node', async t => {
  const [first, second] = (await openGateways(t, ['gw-1', 'gw-2'])) as [Gateway, Gateway]
  const type = async (line: string, options: Record<string, unknown> = {}): Promise<string> => {
    const [name, ...words] = line.split(' ')
    const spec = GATEWAY_SPECS.find(one => one.name === name)
    assert.ok(spec !== undefined, line)
    const printed: string[] = []
    const open = (broker: GatewayBus) => new GatewayFleet(broker)
    await replCommand(spec, open, text => printed.push(text)).action(first.broker, new CommandInput(words, options))
    return printed.join('\n')
  }
  const client = await connectUser(t, second.port)
  await client.subscribe({ keys: ['demo:spot:A'], fields: ['last'] })
  const id = String(client.welcome.session)
  assert.match(await type('gateways'), /^node .*\ngw-1 +yes +no +0 .*\ngw-2 +yes +no +1 /s)
  const listed = await type('sessions')
  assert.match(listed, new RegExp(`^${id} +gw-2 +ann +pro +127.0.0.1 +websocket .* 1 +1 `, 'm'))
  assert.match(listed, /gw-1: 0 shown, 0 match, 0 in all\.\ngw-2: 1 shown, 1 match, 1 in all\.$/)
  assert.match(await type('sessions', { user: 'bob', node: 'gw-2' }), /^gw-2: 0 shown, 0 match, 1 in all\.$/)
  assert.match(await type(`session ${id}`), /conflate .* demo:spot:A\n1 of 1\. .*may see +\*:\*:\*/s)
  assert.match(await type('session s_nobody'), /there is no such session/)
  assert.match(await type('limits', { node: 'gw-1' }), /^gw-1\n.*^symbols +20000 +0 to 1000000$/ms)
  assert.equal(
    await type('limits', { set: 'symbols=9' }),
    ['gw-1', 'gw-2'].map(node => `${node}: symbols was 20000, is 9 until the next start.`).join('\n')
  )
  assert.match(await type('limits', { set: 'symbols' }), /expected --set name=number, got symbols/)
  assert.match(await type('limits', { set: 'nonsense=1', node: 'gw-1' }), /bad limit: nonsense: expected a limit/)
  assert.match(await type(`kick ${id}`, { retry: true }), /^Closed 1, told to come back later\./)
  await waitUntil('it was closed', () => client.closed?.code === 4100)
  assert.match(await type('kick-user ann'), /nothing was closed/)
  assert.match(await type('drain gw-2', { inMs: '60000' }), /^gw-2 takes no new clients; its 0 leave within 60000 ms/)
  assert.match(await type('drain gw-2', { inMs: '10' }), /^gw-2 is being drained already/)
  assert.match(await type('gateways'), /gw-2 +yes +DRAINING/)
  assert.match(await type('undrain gw-2'), /^gw-2 takes clients again/)
  assert.match(await type('drain gw-3'), /no node gw-3 that is known here runs the service gateway/)
})
