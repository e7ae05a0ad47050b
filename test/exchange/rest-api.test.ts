import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openExchange } from './open-exchange.ts'

const FULL =
  'symbol priceChange priceChangePercent weightedAvgPrice prevClosePrice lastPrice lastQty bidPrice bidQty askPrice askQty openPrice highPrice lowPrice volume quoteVolume openTime closeTime firstId lastId count'
const MINI = 'symbol openPrice highPrice lowPrice lastPrice volume quoteVolume openTime closeTime firstId lastId count'

type Row = Record<string, string & number>

const fieldsOf = (row: object) => Object.keys(row).join(' ')

async function get(url: string): Promise<{ status: number; weight: number; body: unknown }> {
  const response = await fetch(url)
  assert.equal(response.headers.get('content-type'), 'application/json;charset=UTF-8')
  const used = response.headers.get('x-mbx-used-weight-1m')
  assert.equal(response.headers.get('x-mbx-used-weight'), used)
  return { status: response.status, weight: Number(used), body: await response.json() }
}

test('the tickers have the fields of the venue, as an object for one symbol and an array for a list', async t => {
  const { url } = await openExchange(t)
  const list = encodeURIComponent('["ETHUSDT","BTCUSDT"]')
  const price = await get(`${url}/api/v3/ticker/price?symbol=BTCUSDT`)
  assert.equal(fieldsOf(price.body as Row), 'symbol price')
  assert.match((price.body as Row).price!, /^\d+\.\d{8}$/)
  const prices = (await get(`${url}/api/v3/ticker/price?symbols=${list}`)).body as Row[]
  assert.deepEqual(
    prices.map(({ symbol }) => symbol),
    ['ETHUSDT', 'BTCUSDT']
  )
  const [book] = (await get(`${url}/api/v3/ticker/bookTicker?symbols=${list}`)).body as Row[]
  assert.equal(fieldsOf(book!), 'symbol bidPrice bidQty askPrice askQty')
  const full = (await get(`${url}/api/v3/ticker/24hr?symbol=BTCUSDT`)).body as Row
  assert.equal(fieldsOf(full), FULL)
  const mini = (await get(`${url}/api/v3/ticker/24hr?symbol=BTCUSDT&type=MINI`)).body as Row
  assert.equal(fieldsOf(mini), MINI)
  const all = (await get(`${url}/api/v3/ticker/price`)).body as Row[]
  assert.equal(all.length, 20)
})

test('the statistics of a day agree with themselves', async t => {
  const { url } = await openExchange(t)
  const rows = (await get(`${url}/api/v3/ticker/24hr`)).body as Row[]
  assert.equal(rows.length, 20)
  for (const row of rows) {
    const [low, open, high, last] = [row.lowPrice, row.openPrice, row.highPrice, row.lastPrice].map(Number)
    assert.ok(low! <= open! && open! <= high! && low! <= last! && last! <= high!, row.symbol)
    assert.ok(Number(row.bidPrice) < Number(row.askPrice), row.symbol)
    assert.ok(row.lastId! - row.firstId! + 1 === row.count, row.symbol)
    assert.equal(row.closeTime! - row.openTime!, 86_400_000)
    const average = Number(row.quoteVolume) / Number(row.volume)
    assert.ok(average >= low! && average <= high!, row.symbol)
    assert.match(row.priceChangePercent!, /^-?\d+\.\d{3}$/)
  }
})

test('the catalogue has the pairs with the steps of their prices', async t => {
  const { url } = await openExchange(t, { market: { kind: 'synthetic', seed: 1, pairs: 22, rate: 1 } })
  const { body } = await get(`${url}/api/v3/exchangeInfo`)
  const info = body as { symbols: Row[]; rateLimits: object[]; timezone: string }
  assert.equal(fieldsOf(info), 'timezone serverTime rateLimits exchangeFilters symbols')
  assert.deepEqual(info.rateLimits[0], {
    rateLimitType: 'REQUEST_WEIGHT',
    interval: 'MINUTE',
    intervalNum: 1,
    limit: 6000
  })
  assert.deepEqual(
    [0, 1, 21].map(index => info.symbols[index]!.symbol),
    ['BTCUSDT', 'ETHUSDT', 'DEMO22USDT']
  )
  const [btc] = info.symbols
  assert.deepEqual([btc!.baseAsset, btc!.quoteAsset, btc!.status], ['BTC', 'USDT', 'TRADING'])
  const [priceFilter, lotSize] = btc!.filters as unknown as Row[]
  assert.deepEqual([priceFilter!.tickSize, lotSize!.stepSize], ['0.01000000', '0.00001000'])
  const one = (await get(`${url}/api/v3/exchangeInfo?symbol=ETHUSDT`)).body as { symbols: Row[] }
  assert.deepEqual(
    one.symbols.map(({ symbol }) => symbol),
    ['ETHUSDT']
  )
})

test('requests weigh as the venue says', async t => {
  const now = Date.UTC(2024, 7, 8)
  const { url } = await openExchange(t, { now: () => now, market: { kind: 'synthetic', seed: 1, pairs: 120, rate: 1 } })
  const { body } = await get(`${url}/api/v3/exchangeInfo`)
  const symbols = (body as { symbols: Row[] }).symbols.map(({ symbol }) => symbol)
  const list = (count: number) => `?symbols=${encodeURIComponent(JSON.stringify(symbols.slice(0, count)))}`
  let before = 20
  for (const [path, weight] of [
    ['ping', 1],
    ['time', 1],
    ['ticker/price?symbol=BTCUSDT', 2],
    [`ticker/price${list(120)}`, 4],
    ['ticker/bookTicker', 4],
    ['ticker/24hr?symbol=BTCUSDT', 2],
    [`ticker/24hr${list(20)}`, 2],
    [`ticker/24hr${list(21)}`, 40],
    [`ticker/24hr${list(101)}`, 80],
    ['ticker/24hr', 80],
    ['nothing', 1]
  ] as const) {
    const { weight: used } = await get(`${url}/api/v3/${path}`)
    assert.equal(used - before, weight, path.slice(0, 30))
    before = used
  }
})

test('a request that the venue refuses is refused with its code', async t => {
  const { url } = await openExchange(t)
  const query = (value: string) => encodeURIComponent(value)
  for (const [path, status, code] of [
    ['price?symbol=NOSUCH', 400, -1121],
    [`price?symbols=${query('["BTCUSDT","NOSUCH"]')}`, 400, -1121],
    ['price?symbol=btcusdt', 400, -1100],
    ['price?symbol=', 400, -1105],
    [`price?symbols=${query('BTCUSDT')}`, 400, -1100],
    [`price?symbols=${query('{}')}`, 400, -1100],
    [`price?symbols=${query('[7]')}`, 400, -1100],
    [`price?symbols=${query('[]')}`, 400, -1105],
    [`price?symbols=${query('["BTCUSDT","BTCUSDT"]')}`, 400, -1151],
    [`price?symbol=BTCUSDT&symbols=${query('["BTCUSDT"]')}`, 400, -1128],
    ['price?symbol=BTCUSDT&color=red', 400, -1104],
    ['24hr?symbol=BTCUSDT&type=HUGE', 400, -1130],
    ['nothing', 404, -1000]
  ] as const) {
    const { status: got, body } = await get(`${url}/api/v3/ticker/${path}`)
    const { code: said, msg } = body as { code: number; msg: string }
    assert.deepEqual([got, said, typeof msg], [status, code, 'string'], path)
  }
})

test('two markets of one seed move alike, another seed moves otherwise', async t => {
  const now = Date.UTC(2024, 7, 8)
  const bodies = []
  for (const seed of [7, 7, 8]) {
    const market = { kind: 'synthetic', seed, pairs: 3, rate: 10 } as const
    const { url } = await openExchange(t, { now: () => now, market })
    bodies.push((await get(`${url}/api/v3/ticker/24hr`)).body)
  }
  assert.deepEqual(bodies[0], bodies[1])
  assert.notDeepEqual(bodies[0], bodies[2])
})
