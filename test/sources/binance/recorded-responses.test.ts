import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Quote } from '../../../lib/quote/quote.ts'
import { mapResponse } from '../../../lib/sources/binance/map-response.ts'
import type { Mapping } from '../../../lib/sources/source.ts'
import {
  type RecordedResponse,
  readCassettes,
  readCommentedJson,
  readResponses,
  recordingPath
} from '../../kit/recordings.ts'
import { canonical, canonicalPrice } from './canonical.ts'
import { keyOfSymbol, observation } from './observe.ts'
import { Outcomes, report } from './outcomes.ts'

/** Which channel a recorded request is; the source reads no other. */
function channelOf(url: string): string | undefined {
  const path = new URL(url).pathname
  if (path.endsWith('/exchangeInfo')) return 'instruments'
  return /\/ticker\/(24hr|price|bookTicker)$/.exec(path)?.[1]
}

/** Gives a recorded response to the source, as the answer to a call for everything in it. */
function mapRecorded({ url, status, body }: RecordedResponse): Mapping | undefined {
  const channel = channelOf(url)
  if (channel === undefined) return undefined
  const call = { channel, path: `/${channel}?recorded`, cost: {}, keys: [] }
  return mapResponse(call, { status, headers: {}, body }, observation({ keyOf: keyOfAny }))
}

/** Every symbol that spot may have was asked for: the recordings hold quote assets of 2019 that no list here names. */
function keyOfAny(symbol: string): string | undefined {
  if (symbol.includes('-')) return undefined
  return keyOfSymbol(symbol) ?? `binance:spot:${symbol}`
}

test('the recorded REST responses become quotes and instruments, or are told apart', async t => {
  const folder = recordingPath(t, 'coingecko-cassettes')
  if (folder === undefined) return
  const expected: Record<string, object> = {
    'BinanceDex__fetch_ticker.0.json': { quotes: 0, refused: { 'unknown_symbol not asked for': 2 } },
    'Binance__Futures_fetch_ticker.0.json': { quotes: 0, refused: { 'missing_field bidPrice': 25 } },
    'Binance__Futures_fetch_ticker.1.json': { quotes: 0, refused: { 'missing_field bidPrice': 1 } },
    'Binance__fetch_ticker.0.json': { quotes: 595, refused: {} },
    'Binance__fetch_ticker.1.json': { instruments: 595, refused: {} }
  }
  for (const response of readCassettes(folder, 'Binance')) {
    const outcomes = new Outcomes(response.file)
    const mapping = mapRecorded(response)
    if (mapping === undefined) outcomes.leaveOut('no channel of this source')
    else outcomes.add(mapping)
    report(t, outcomes)
    const { quotes, instruments, refused, ignored } = outcomes
    const entries = response.body.match(/"symbol":/g)?.length ?? 0
    if (mapping === undefined) assert.match(response.url, /trades|premiumIndex|openInterest/)
    else {
      const want = { quotes: 0, instruments: 0, refused: {}, ignored: {}, ...expected[response.file] }
      assert.deepEqual({ quotes, instruments, refused, ignored }, want)
      assert.equal(quotes + instruments + Object.values(refused).reduce((sum, count) => sum + count, 0), entries)
    }
  }
})

test('the day tickers of 2019 keep every digit, and dead pairs have no price', t => {
  const folder = recordingPath(t, 'coingecko-cassettes')
  if (folder === undefined) return
  const [response] = readCassettes(folder, 'Binance__fetch_ticker.0')
  const mapping = mapRecorded(response!)
  assert.ok(mapping?.kind === 'quotes')
  const rows = JSON.parse(response!.body) as Record<string, string & number>[]
  assert.equal(mapping.quotes.length, rows.length)
  for (const [index, quote] of mapping.quotes.entries()) {
    const row = rows[index]!
    const dead = row.count === 0
    assert.deepEqual(
      { ...quote, ...pick(quote) },
      {
        ...quote,
        last: canonicalPrice(row.lastPrice!),
        lastSize: dead ? null : canonical(row.lastQty!),
        bid: canonicalPrice(row.bidPrice!),
        bidSize: canonical(row.bidQty!),
        ask: canonicalPrice(row.askPrice!),
        askSize: canonical(row.askQty!),
        open: canonicalPrice(row.openPrice!),
        high: canonicalPrice(row.highPrice!),
        low: canonicalPrice(row.lowPrice!),
        prevClose: canonicalPrice(row.prevClosePrice!),
        volume: canonical(row.volume!),
        turnover: canonical(row.quoteVolume!),
        window: 'rolling24h',
        exchangeTime: row.closeTime! * 1000,
        seq: null,
        status: 'unknown'
      }
    )
  }
  const withoutLast = mapping.quotes.filter(
    ({ last, lastSize, volume }) => last === null && lastSize === null && volume === '0'
  )
  assert.equal(withoutLast.length, 51)
  assert.ok(withoutLast.every(({ prevClose }) => prevClose !== null && prevClose !== undefined))
  assert.equal(new Set(mapping.quotes.map(({ id }) => id)).size, rows.length)
})

/** The identity function on the fields, so that a field missing in a quote shows in the comparison. */
function pick(quote: Quote): Partial<Quote> {
  const { last, lastSize, bid, bidSize, ask, askSize, open, high, low, prevClose, volume, turnover, window } = quote
  return { last, lastSize, bid, bidSize, ask, askSize, open, high, low, prevClose, volume, turnover, window }
}

test('the catalogues inside the cryptofeed recordings are read, and those of the derivatives told apart', async t => {
  for (const [name, pattern, instruments] of [
    ['cryptofeed/BINANCE.jsonl.zst', /"quoteAsset":/g, true],
    ['cryptofeed/BINANCE_DELIVERY.jsonl.zst', /"contractType":/g, false],
    ['cryptofeed/BINANCE_FUTURES.jsonl.zst', /"contractType":/g, false]
  ] as const) {
    const path = recordingPath(t, name)
    if (path === undefined) return
    for (const response of await readResponses(path)) {
      const outcomes = new Outcomes(`${name} ${new URL(response.url).pathname}`)
      const mapping = mapRecorded(response)
      if (mapping === undefined) {
        outcomes.leaveOut('no channel of this source')
        assert.match(response.url, /\/depth\?/)
      } else {
        outcomes.add(mapping)
        const symbols = response.body.match(pattern)?.length ?? 0
        assert.ok(symbols > 20)
        assert.equal(outcomes.instruments, instruments ? symbols : 0)
        assert.deepEqual(outcomes.ignored, instruments ? {} : { 'not spot: exchangeInfo': 1 })
        assert.deepEqual(outcomes.refused, {})
      }
      report(t, outcomes)
    }
  }
})

test('a day ticker as the venue answered before it sent the sizes of bid and offer is a quote with unknown sizes', t => {
  const folder = recordingPath(t, 'xchange')
  if (folder === undefined) return
  const file = 'xchange/binance/single-24hr-ticker.json'
  const body = readCommentedJson(join(folder, 'binance/single-24hr-ticker.json'))
  const outcomes = new Outcomes(file)
  const url = 'https://api.binance.com/api/v1/ticker/24hr'
  const [quote] = outcomes.add(mapRecorded({ file, url, status: 200, body })!)
  report(t, outcomes)
  assert.deepEqual([outcomes.quotes, outcomes.refused], [1, {}])
  const row = JSON.parse(body) as Record<string, string>
  assert.deepEqual(
    [quote?.bid, quote?.bidSize, quote?.ask, quote?.askSize],
    [canonicalPrice(row.bidPrice!), null, canonicalPrice(row.askPrice!), null]
  )
})
