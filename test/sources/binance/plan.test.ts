import assert from 'node:assert/strict'
import { test } from 'node:test'
import { binance } from '../../../lib/sources/binance/binance.ts'
import { plan } from '../../../lib/sources/binance/plan.ts'
import { SourceError } from '../../../lib/sources/source.ts'

const key = (index: number) => `binance:spot:A${index}-USDT`
const keys = (count: number) => Array.from({ length: count }, (_, index) => key(index))

function codeOf(act: () => unknown): string | undefined {
  try {
    act()
  } catch (error) {
    if (error instanceof SourceError) return error.code
    throw error
  }
  return undefined
}

/** The weight, requests and keys of a plan; every key is asked for once. */
function summary(channel: string, count: number) {
  const calls = plan(channel, keys(count))
  assert.deepEqual(
    calls.flatMap(call => call.keys),
    keys(count)
  )
  const weight = calls.reduce((sum, { cost }) => sum + cost.REQUEST_WEIGHT!, 0)
  assert.ok(calls.every(({ cost, path }) => cost.RAW_REQUESTS === 1 && path.length < 8_000))
  return { calls: calls.length, weight }
}

test('one symbol is asked for by itself, several as a list, percent-encoded', () => {
  assert.deepEqual(plan('price', ['binance:spot:BTC-USDT']), [
    {
      channel: 'price',
      path: '/api/v3/ticker/price?symbol=BTCUSDT',
      cost: { REQUEST_WEIGHT: 2, RAW_REQUESTS: 1 },
      keys: ['binance:spot:BTC-USDT']
    }
  ])
  const [list] = plan('bookTicker', ['binance:spot:BTC-USDT', 'binance:spot:币安人生-USDT'])
  assert.match(list!.path, /^\/api\/v3\/ticker\/bookTicker\?symbols=%5B%22BTCUSDT%22%2C%22%E5[%A-F0-9]+USDT%22%5D$/)
  assert.equal(new URL(`http://x${list!.path}`).searchParams.get('symbols'), '["BTCUSDT","币安人生USDT"]')
})

test('the weight is the least that the table of the venue allows', () => {
  assert.deepEqual(summary('price', 2), { calls: 1, weight: 4 })
  assert.deepEqual(summary('price', 300), { calls: 1, weight: 4 })
  assert.deepEqual(summary('bookTicker', 5_000), { calls: 1, weight: 4 })
  assert.deepEqual(summary('24hr', 1), { calls: 1, weight: 2 })
  assert.deepEqual(summary('24hr', 20), { calls: 1, weight: 2 })
  assert.deepEqual(summary('24hr', 21), { calls: 2, weight: 4 })
  assert.deepEqual(summary('24hr', 100), { calls: 5, weight: 10 })
  assert.deepEqual(summary('24hr', 780), { calls: 39, weight: 78 })
  assert.deepEqual(summary('24hr', 781), { calls: 1, weight: 80 })
})

test('a list too long for a request line is the whole market at the same weight', () => {
  const [call] = plan('price', keys(2_000))
  assert.equal(call!.path, '/api/v3/ticker/price')
  assert.equal(call!.keys.length, 2_000)
})

test('a key twice is asked for once, and no keys are no request except for the catalogue', () => {
  assert.equal(plan('price', [key(1), key(1)])[0]!.path, '/api/v3/ticker/price?symbol=A1USDT')
  assert.deepEqual(plan('24hr', []), [])
  assert.deepEqual(
    plan('instruments', []).map(({ path, cost }) => [path, cost.REQUEST_WEIGHT]),
    [['/api/v3/exchangeInfo', 20]]
  )
})

test('a key of another venue, type or form is refused', () => {
  for (const wrong of [
    'okx:spot:BTC-USDT',
    'binance:perp:BTC-USDT',
    'binance:spot:BTCUSDT',
    'binance:spot:-USDT',
    'binance:spot:A-B-C',
    'BTCUSDT'
  ]) {
    assert.equal(
      codeOf(() => binance.symbolOf(wrong)),
      'unsupported_key',
      wrong
    )
    assert.equal(
      codeOf(() => plan('price', [wrong])),
      'unsupported_key'
    )
  }
  assert.equal(binance.symbolOf('binance:spot:1000000MOG-USDT'), '1000000MOGUSDT')
})

test('an unknown channel is refused, by REST and by the stream', () => {
  assert.equal(
    codeOf(() => plan('klines', [key(1)])),
    'unsupported_channel'
  )
  assert.equal(
    codeOf(() => binance.stream!.subscribe(['@depth'], [key(1)], () => 1)),
    'unsupported_channel'
  )
})

test('subscriptions are lower case, cut into messages, and numbered', () => {
  let id = 0
  const messages = binance
    .stream!.subscribe(['@trade', '@bookTicker'], ['binance:spot:BTC-USDT', ...keys(150)], () => ++id)
    .map(text => JSON.parse(text))
  assert.deepEqual(
    messages.map(({ method, params, id }) => [method, params.length, id]),
    [
      ['SUBSCRIBE', 200, 1],
      ['SUBSCRIBE', 102, 2]
    ]
  )
  assert.deepEqual(messages[0].params.slice(0, 3), ['btcusdt@trade', 'btcusdt@bookTicker', 'a0usdt@trade'])
})
