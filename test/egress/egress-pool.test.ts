import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { gzipSync } from 'node:zlib'
import { freePort } from '../../lib/cluster/free-port.ts'
import { DEFAULT_TIMEOUTS } from '../../lib/egress/connect.ts'
import { EgressError } from '../../lib/egress/egress-error.ts'
import { spawnProxy, startProxy } from '../kit/proxy.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { startOrigin } from './origin.ts'
import { get, openPool } from './pool.ts'
import { startSilentServer } from './silent-server.ts'

const codeOf = (error: unknown): string => (error instanceof EgressError ? error.code : String(error))

test('without proxies requests leave directly, over kept connections', async t => {
  const origin = await startOrigin(t)
  const pool = openPool(t)
  for (let i = 0; i < 5; i++) {
    const response = await pool.request(get(`${origin.url}/a?b=${i}`))
    assert.equal(response.status, 200)
    assert.equal(response.body, '{"ok":true}')
    assert.equal(response.egress, 'direct')
    assert.ok(response.receivedTime >= response.requestSentTime && response.requestSentTime > 0)
  }
  assert.deepEqual(
    origin.requests.map(({ path, userAgent }) => [path, userAgent]),
    Array.from({ length: 5 }, (_, i) => [`/a?b=${i}`, 'quotecast/test'])
  )
  assert.equal(origin.open(), 1)
})

test('requests leave through all proxies in rotation, each with its own address and its own User-Agent', async t => {
  const origin = await startOrigin(t)
  const proxies = await Promise.all([2, 3, 4].map(n => startProxy(t, { address: `127.0.0.${n}`, user: `u${n}` })))
  const pool = openPool(
    t,
    proxies.map(({ url }) => url)
  )
  const labels: string[] = []
  for (let i = 0; i < 30; i++) {
    labels.push((await pool.request(get(origin.url, { userAgents: ['one', 'two', 'three'] }))).egress)
  }
  const peers = Map.groupBy(origin.requests, ({ peer }) => peer)
  assert.deepEqual(
    [...peers].map(([peer, requests]) => [peer, requests.length, new Set(requests.map(r => r.userAgent)).size]).sort(),
    [
      ['127.0.0.2', 10, 1],
      ['127.0.0.3', 10, 1],
      ['127.0.0.4', 10, 1]
    ]
  )
  assert.equal(new Set(origin.requests.map(({ userAgent }) => userAgent)).size, 3)
  assert.deepEqual(
    labels.slice(0, 3),
    proxies.map(({ address, port }) => `${address}:${port}`)
  )
  assert.deepEqual(
    proxies.map(proxy => proxy.tunnels()),
    [1, 1, 1],
    'one kept tunnel each'
  )
})

test('a proxy killed with -9 under load costs no request, and is left out of the rotation', async t => {
  const origin = await startOrigin(t)
  const doomed = await spawnProxy(t, { address: '127.0.0.2' })
  const others = await Promise.all([3, 4].map(n => startProxy(t, { address: `127.0.0.${n}` })))
  const pool = openPool(t, [doomed.url, ...others.map(({ url }) => url)])
  const answers: Promise<number>[] = []
  const load = async (count: number) => {
    for (let i = 0; i < count; i++) {
      answers.push(pool.request(get(origin.url)).then(({ status }) => status))
      if (i % 4 === 3) await answers.at(-1)
    }
  }
  await load(40)
  await Promise.all([load(40), doomed.kill()])
  await load(40)
  assert.deepEqual(new Set(await Promise.all(answers)), new Set([200]))
  const [killed, ...alive] = pool.stats().egresses
  assert.equal(killed?.state, 'cooling')
  assert.deepEqual(
    alive.map(({ state, failures }) => [state, failures]),
    [
      ['ok', 0],
      ['ok', 0]
    ]
  )
})

test('a wrong password disables that credential alone, and the request succeeds elsewhere', async t => {
  const origin = await startOrigin(t)
  const proxy = await startProxy(t, { user: 'me', password: 'right' })
  const pool = openPool(t, [`http://me:wrong@127.0.0.1:${proxy.port}`, proxy.url])
  for (let i = 0; i < 4; i++) assert.equal((await pool.request(get(origin.url))).status, 200)
  const { egresses, errors } = pool.stats()
  assert.deepEqual(
    egresses.map(({ state, failures }) => [state, failures]),
    [
      ['disabled', 1],
      ['ok', 0]
    ]
  )
  assert.deepEqual(errors, { proxy_auth: 1 })
})

test('when every credential is wrong the error says so', async t => {
  const origin = await startOrigin(t)
  const proxy = await startProxy(t)
  const pool = openPool(t, [`http://user:wrong@127.0.0.1:${proxy.port}`])
  await assert.rejects(pool.request(get(origin.url)), { code: 'proxy_auth' })
  await assert.rejects(pool.request(get(origin.url)), { code: 'no_egress' })
  assert.equal(origin.requests.length, 0)
})

test('a proxy that hangs in CONNECT is given up at its time-out, cools, and holds up nobody else', async t => {
  const origin = await startOrigin(t)
  const hanging = await startSilentServer(t)
  const proxy = await startProxy(t, { address: '127.0.0.2' })
  const timeouts = { ...DEFAULT_TIMEOUTS, tunnelMs: 100 }
  const pool = openPool(t, [`http://user:secret@127.0.0.1:${hanging.port}`, proxy.url], { timeouts })
  const first = pool.request(get(origin.url))
  await waitUntil('the first request hangs', () => hanging.accepted() === 1)
  const others = await Promise.all(Array.from({ length: 8 }, () => pool.request(get(origin.url))))
  assert.ok(others.every(({ status }) => status === 200))
  assert.equal((await first).egress, proxy.url.replace(/^.*@/, ''))
  const [hung, healthy] = pool.stats().egresses
  assert.equal(hung?.state, 'cooling')
  assert.equal(healthy?.state, 'ok')
  await waitUntil('no connection hangs', () => hanging.open() === 0)
})

test('an origin that is down leaves no proxy out of the rotation', async t => {
  const proxies = await Promise.all([2, 3, 4].map(n => startProxy(t, { address: `127.0.0.${n}` })))
  const pool = openPool(
    t,
    proxies.map(({ url }) => url)
  )
  const port = await freePort()
  for (let i = 0; i < 6; i++) await assert.rejects(pool.request(get(`http://127.0.0.1:${port}/`)))
  assert.deepEqual(
    pool.stats().egresses.map(({ state }) => state),
    ['ok', 'ok', 'ok']
  )
  const origin = await startOrigin(t)
  for (let i = 0; i < 3; i++) assert.equal((await pool.request(get(origin.url))).status, 200)
})

test('a proxy that refuses what another one carries is at fault; one that refuses what all refuse is not', async t => {
  const broken = await startSilentServer(t, socket => {
    socket.once('data', () => socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'))
  })
  const url = `http://127.0.0.1:${broken.port}`
  const alone = openPool(t, [url])
  const origin = await startOrigin(t)
  for (let i = 0; i < 4; i++) await assert.rejects(alone.request(get(origin.url)), { code: 'tunnel_failed' })
  assert.equal(alone.stats().egresses[0]?.state, 'ok')

  const proxy = await startProxy(t, { address: '127.0.0.2' })
  const both = openPool(t, [url, proxy.url])
  assert.equal((await both.request(get(origin.url))).attempts, 2)
  assert.equal(both.stats().egresses[0]?.state, 'cooling')
})

test('an abort ends the request at once in every phase and leaves no connection', async t => {
  const hanging = await startSilentServer(t)
  const tunnelling = await startSilentServer(t, socket => {
    socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\n\r\n'))
  })
  const slowBody = await startSilentServer(t, socket => {
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc'))
  })
  const phases = {
    connect: { proxies: [`http://127.0.0.1:${hanging.port}`], url: 'https://venue.example/', server: hanging },
    tls: { proxies: [`http://127.0.0.1:${tunnelling.port}`], url: 'https://venue.example/', server: tunnelling },
    'first byte': { proxies: [], url: `http://127.0.0.1:${hanging.port}/`, server: hanging },
    body: { proxies: [], url: `http://127.0.0.1:${slowBody.port}/`, server: slowBody }
  }
  for (const [phase, { proxies, url, server }] of Object.entries(phases)) {
    const pool = openPool(t, proxies)
    const controller = new AbortController()
    const before = server.accepted()
    const answer = pool.request(get(url, { signal: controller.signal }))
    await waitUntil(`${phase}: connected`, () => server.accepted() > before)
    controller.abort(new Error('changed my mind'))
    await assert.rejects(answer, { code: 'aborted' }, phase)
    await waitUntil(`${phase}: no connection is left`, () => server.open() === 0)
  }
})

test('an abort while waiting for a connection, and one before the start, reach the caller', async t => {
  const hanging = await startSilentServer(t)
  const pool = openPool(t, [], { connections: 1 })
  const first = pool.request(get(`http://127.0.0.1:${hanging.port}/`)).catch(codeOf)
  const controller = new AbortController()
  const second = pool.request(get(`http://127.0.0.1:${hanging.port}/`, { signal: controller.signal }))
  controller.abort()
  await assert.rejects(second, { code: 'aborted' })
  await assert.rejects(pool.request(get('http://127.0.0.1:1/', { signal: AbortSignal.abort() })), { code: 'aborted' })
  pool.close()
  assert.equal(await first, 'closed')
  await waitUntil('no connection is left', () => hanging.open() === 0)
})

test('a request that takes too long in all ends at its deadline', async t => {
  const hanging = await startSilentServer(t)
  const pool = openPool(t, [])
  await assert.rejects(pool.request(get(`http://127.0.0.1:${hanging.port}/`, { timeoutMs: 50 })), { code: 'deadline' })
  await waitUntil('no connection is left', () => hanging.open() === 0)
})

test('each failure of a direct connection has its own code', async t => {
  const timeouts = { ...DEFAULT_TIMEOUTS, firstByteMs: 60, idleMs: 60, tlsMs: 60 }
  const silent = await startSilentServer(t)
  const cut = await startSilentServer(t, socket =>
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab'))
  )
  const noHttp = await startSilentServer(t, socket => socket.once('data', () => socket.end('220 smtp ready\r\n\r\n')))
  const stalls = await startSilentServer(t, socket =>
    socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab'))
  )
  const port = await freePort()
  const cases: Record<string, string> = {
    [`http://127.0.0.1:${port}/`]: 'refused',
    [`http://127.0.0.1:${silent.port}/`]: 'first_byte_timeout',
    [`https://127.0.0.1:${silent.port}/`]: 'tls_timeout',
    [`https://127.0.0.1:${noHttp.port}/`]: 'tls',
    [`http://127.0.0.1:${cut.port}/`]: 'reset',
    [`http://127.0.0.1:${noHttp.port}/`]: 'bad_response',
    [`http://127.0.0.1:${stalls.port}/`]: 'idle_timeout',
    'http://venue.example/': 'forbidden_target',
    'ftp://127.0.0.1/': 'forbidden_target',
    'http://me:pw@127.0.0.1/': 'forbidden_target'
  }
  for (const [url, code] of Object.entries(cases)) {
    const pool = openPool(t, [], { timeouts })
    const error = await pool.request(get(url)).then(
      () => 'a response',
      error => error
    )
    assert.equal(codeOf(error), code, url)
    assert.doesNotMatch(inspect(error, { depth: 20, showHidden: true }), /me:pw/)
  }
})

test('a response over its bound on the wire or inflated is refused, within it is inflated', async t => {
  const big = gzipSync('x'.repeat(200_000))
  const origin = await startOrigin(t, (request, response) => {
    if (request.url === '/wire') response.end('y'.repeat(2_000))
    else response.setHeader('content-encoding', 'gzip').end(request.url === '/small' ? gzipSync('fine') : big)
  })
  const pool = openPool(t, [], { maxWireBytes: 1_000, maxInflatedBytes: 100_000 })
  assert.ok(big.length < 1_000)
  await assert.rejects(pool.request(get(`${origin.url}/wire`)), { code: 'too_large' })
  await assert.rejects(pool.request(get(`${origin.url}/bomb`)), { code: 'too_large' })
  assert.equal((await pool.request(get(`${origin.url}/small`))).body, 'fine')
})

test('a redirect is an answer, not an order', async t => {
  const origin = await startOrigin(t, (_request, response) => {
    response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()
  })
  assert.equal((await openPool(t).request(get(origin.url))).status, 302)
  assert.equal(origin.requests.length, 1)
})

test('a venue that throttles one address is asked through another, and that address then rests', async t => {
  const origin = await startOrigin(t, (request, response) => {
    if (request.socket.remoteAddress === '127.0.0.2') response.writeHead(429, { 'retry-after': '60' }).end('{}')
    else response.end('{}')
  })
  const proxies = await Promise.all([2, 3].map(n => startProxy(t, { address: `127.0.0.${n}` })))
  const pool = openPool(
    t,
    proxies.map(({ url }) => url)
  )
  for (let i = 0; i < 6; i++) assert.equal((await pool.request(get(origin.url))).status, 200)
  assert.equal(origin.requests.filter(({ peer }) => peer === '127.0.0.2').length, 1)
  assert.equal((await pool.request(get(origin.url, { source: 'other' }))).status, 200, 'another source is asked anyway')
  const [throttled] = pool.stats().egresses
  assert.equal(throttled?.state, 'ok', 'a 429 proves that the proxy works')
  assert.ok((throttled?.cooling.venue ?? 0) > 50_000)
})

test('with one address only, the refusal reaches the caller, and then nothing is sent until it is over', async t => {
  const origin = await startOrigin(t, (_request, response) => {
    response.writeHead(429, { 'retry-after': '7' }).end('{"code":-1003}')
  })
  const pool = openPool(t)
  const refusal = await pool.request(get(origin.url))
  assert.deepEqual([refusal.status, refusal.body, refusal.attempts], [429, '{"code":-1003}', 1])
  const error = await pool.request(get(origin.url)).catch(error => error)
  assert.equal(codeOf(error), 'throttled')
  assert.ok(error.retryAfterMs > 0 && error.retryAfterMs <= 7_000)
  assert.equal(origin.requests.length, 1)
})

test('a 5xx is asked once more elsewhere and then believed', async t => {
  const origin = await startOrigin(t, (_request, response) => response.writeHead(503).end())
  const proxies = await Promise.all([2, 3, 4].map(n => startProxy(t, { address: `127.0.0.${n}` })))
  const pool = openPool(
    t,
    proxies.map(({ url }) => url)
  )
  const response = await pool.request(get(origin.url))
  assert.deepEqual([response.status, response.attempts], [503, 2])
  assert.ok(pool.stats().egresses.every(({ state }) => state === 'ok'))
})

test('nothing that can be inspected or serialised holds a password', async t => {
  const origin = await startOrigin(t)
  const proxy = await startProxy(t, { user: 'someone', password: 'pass-w0rd' })
  const pool = openPool(t, [proxy.url, `http://someone:0ther-pass@127.0.0.1:${proxy.port}`])
  const responses = [await pool.request(get(origin.url)), await pool.request(get(origin.url))]
  await proxy.kill()
  const error = await pool.request(get(origin.url)).catch(error => error)
  assert.ok(error instanceof EgressError)
  const encoded = Buffer.from('someone:pass-w0rd').toString('base64')
  for (const value of [pool, error, responses, pool.stats()]) {
    const text = inspect(value, { depth: 20, showHidden: true }) + JSON.stringify(value)
    assert.doesNotMatch(text, /pass-w0rd|0ther-pass/)
    assert.ok(!text.includes(encoded))
  }
})
