import assert from 'node:assert/strict'
import { request } from 'node:http'
import { type TestContext, test } from 'node:test'
import { LIMITS } from '../../lib/exchange/weight-meter.ts'
import { openExchange } from './open-exchange.ts'

const MINUTE = 60_000
const BEGIN = Date.UTC(2024, 7, 8, 12, 0, 30)

/** An exchange with small limits on a clock that the test moves. */
async function openLimited(t: TestContext) {
  const clock = { now: BEGIN }
  const limits = { ...LIMITS, requestWeight: 10, throttledBeforeBan: 2 }
  const exchange = await openExchange(t, { now: () => clock.now, limits })
  const get = (from = '127.0.0.1') => ask(`${exchange.url}/api/v3/ticker/price`, from)
  return { exchange, clock, get }
}

interface Answer {
  status: number
  used: string | undefined
  retryAfter: string | undefined
  code: number | undefined
  msg: string
}

/** A request from one of the loopback addresses: each is a peer of its own. */
function ask(url: string, localAddress: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { 'user-agent': `test of ${localAddress}` }
    const sent = request(url, { localAddress, headers }, response => {
      let body = ''
      response.setEncoding('utf8').on('data', chunk => {
        body += chunk
      })
      response.on('end', () => {
        const { code, msg = '' } = JSON.parse(body) as { code?: number; msg?: string }
        const used = response.headers['x-mbx-used-weight-1m'] as string | undefined
        resolve({ status: response.statusCode ?? 0, used, retryAfter: response.headers['retry-after'], code, msg })
      })
    })
    sent.on('error', reject)
    sent.end()
  })
}

test('over the weight of a minute come 429 and the seconds to its end; the next minute is free', async t => {
  const { clock, get } = await openLimited(t)
  assert.deepEqual([(await get()).used, (await get()).used], ['4', '8'])
  const over = await get()
  assert.deepEqual([over.status, over.code, over.used, over.retryAfter], [429, -1003, '12', '30'])
  assert.match(over.msg, /current limit is 10 request weight per 1 MINUTE/)
  clock.now = BEGIN + MINUTE / 2
  const next = await get()
  assert.deepEqual([next.status, next.used, next.retryAfter], [200, '4', undefined])
})

test('who goes on after 429 is banned, twice as long each time', async t => {
  const { clock, get } = await openLimited(t)
  const burst = async () => {
    const answers = []
    for (let sent = 0; sent < 5; sent++) answers.push(await get())
    return answers
  }
  const first = await burst()
  assert.deepEqual(
    first.map(({ status }) => status),
    [200, 200, 429, 429, 418]
  )
  assert.equal(first[4]!.retryAfter, '120')
  assert.match(first[4]!.msg, new RegExp(`banned until ${BEGIN + 2 * MINUTE}\\.`))
  clock.now = BEGIN + 2 * MINUTE - 1
  const still = await get()
  assert.deepEqual([still.status, still.retryAfter], [418, '1'])
  clock.now = BEGIN + 3 * MINUTE
  const second = await burst()
  assert.deepEqual(
    second.map(({ status }) => status),
    [200, 200, 429, 429, 418]
  )
  assert.equal(second[4]!.retryAfter, '240')
})

test('too many requests in five minutes are refused whatever they weigh', async t => {
  const limits = { ...LIMITS, rawRequests: 2 }
  const { url } = await openExchange(t, { now: () => BEGIN, limits })
  const statuses = []
  for (let sent = 0; sent < 3; sent++) statuses.push((await fetch(`${url}/api/v3/ping`)).status)
  assert.deepEqual(statuses, [200, 200, 429])
})

test('each address has its own account and its own log', async t => {
  const { exchange, get } = await openLimited(t)
  for (let sent = 0; sent < 3; sent++) await get('127.0.0.1')
  assert.equal((await get('127.0.0.2')).status, 200)
  const { peers } = exchange.status()
  assert.deepEqual(peers['127.0.0.1'], {
    requests: 3,
    weight: 12,
    throttled: 1,
    banned: 0,
    statuses: { 200: 2, 429: 1 },
    paths: { '/api/v3/ticker/price': 3 },
    userAgents: { 'test of 127.0.0.1': 3 }
  })
  assert.equal(peers['127.0.0.2']!.requests, 1)
})

test('the demo says that it is one, free of weight', async t => {
  const { url } = await openExchange(t)
  const response = await fetch(`${url}/demo/status`)
  assert.equal(response.headers.get('x-demo-market'), 'synthetic')
  const status = (await response.json()) as { demo: boolean; market: string; pairs: number; peers: object }
  assert.deepEqual([status.demo, status.market, status.pairs, status.peers], [true, 'synthetic', 20, {}])
})
