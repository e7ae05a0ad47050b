import assert from 'node:assert/strict'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { readLines } from '../../../lib/exchange/recording.ts'
import type { Quote } from '../../../lib/quote/quote.ts'
import { binance } from '../../../lib/sources/binance/binance.ts'
import { readCommentedJson, readTardis, recordingPath } from '../../kit/recordings.ts'
import { canonical, canonicalPrice } from './canonical.ts'
import { observation } from './observe.ts'
import { Outcomes, report } from './outcomes.ts'

const { stream } = binance
assert.ok(stream)

/** Every file of `hftbacktest`: its spot streams become quotes, its derivatives are recognised and left. */
const HFTBACKTEST = [
  'cm_ethusd_perp_20240808.gz',
  'spot_btcusdt_20240808.gz',
  'spot_ethusdt_20240808.gz',
  'spot_ethusdt_20240809.gz',
  'usdm_btcusdt_20230404.dat.gz',
  'usdm_btcusdt_20230405.dat.gz',
  'usdm_btcusdt_20240808.gz'
]

/** Texts by which a line's kind is told without the source, and what the source makes of that kind. */
const KINDS = [
  { text: '@bookTicker","data":{"u":', without: '"e":"bookTicker"', as: 'quote' },
  { text: '"e":"bookTicker"', as: 'not spot: bookTicker' },
  { text: '"e":"trade"', without: '"M":', as: 'not spot: trade' },
  { text: '"e":"trade"', as: 'quote' },
  { text: '"e":"depthUpdate"', as: 'depthUpdate' },
  { text: '"e":"markPriceUpdate"', as: 'markPriceUpdate' },
  { text: '"e":"aggTrade"', as: 'aggTrade' },
  { text: '"e":"kline"', as: 'kline' },
  { text: '"lastUpdateId":', as: 'depth' }
]

function kindOf(line: string): string {
  const kind = KINDS.find(
    ({ text, without }) => line.includes(text) && (without === undefined || !line.includes(without))
  )
  return kind?.as ?? 'unexplained'
}

for (const name of [
  ...HFTBACKTEST.map(file => `hftbacktest/${file}`),
  'cryptofeed/BINANCE.jsonl.zst',
  'cryptofeed/BINANCE_DELIVERY.jsonl.zst',
  'cryptofeed/BINANCE_FUTURES.jsonl.zst'
]) {
  test(`every frame of ${name} is a quote or ignored for a known reason, digit for digit`, async t => {
    const path = recordingPath(t, name)
    if (path === undefined) return
    const outcomes = new Outcomes(name)
    const expected: Record<string, number> = {}
    const ids = new Set<string>()
    const seen = observation()
    for await (const line of readLines(path)) {
      const frame = frameOf(line)
      if (frame === undefined) continue
      const kind = kindOf(frame)
      expected[kind] = (expected[kind] ?? 0) + 1
      for (const quote of outcomes.add(stream.mapFrame(frame, seen))) {
        ids.add(quote.id)
        checkAgainst(frame, quote)
      }
    }
    report(t, outcomes)
    const { quote = 0, ...others } = expected
    assert.equal(expected.unexplained, undefined)
    assert.ok(outcomes.payloads > 200, 'the file was not read')
    assert.deepEqual(outcomes.ignored, others)
    assert.equal(outcomes.quotes, quote)
    assert.equal(ids.size, quote, 'ids repeat')
    assert.deepEqual([outcomes.refused, outcomes.errors], [{}, {}])
  })
}

/** The frame in a line of either form, or undefined for a line that is none. */
function frameOf(line: string): string | undefined {
  if (!line.startsWith('{')) return line.slice(line.indexOf(' ') + 1)
  const { t, data } = JSON.parse(line) as { t: string; data: string }
  return t === 'recv' ? data : undefined
}

/** Compares a quote with the frame's own texts, read without the source. */
function checkAgainst(frame: string, quote: Quote): void {
  const { stream: name, data } = JSON.parse(frame) as { stream: string; data: Record<string, string> }
  assert.equal(binance.symbolOf(quote.key).toLowerCase() + quote.src.channel, name)
  if (quote.src.channel === '@bookTicker') {
    assert.deepEqual(
      [quote.seq, quote.seqKind, quote.bid, quote.bidSize, quote.ask, quote.askSize, quote.last, quote.open],
      [
        String(data.u),
        'u',
        canonicalPrice(data.b!),
        canonical(data.B!),
        canonicalPrice(data.a!),
        canonical(data.A!),
        undefined,
        undefined
      ]
    )
  } else {
    assert.deepEqual(
      [quote.seq, quote.seqKind, quote.last, quote.lastSize, quote.exchangeTime, quote.bid],
      [String(data.t), 't', canonicalPrice(data.p!), canonical(data.q!), Number(data.T) * 1000, undefined]
    )
  }
}

test('the frames of crypto-msg-parser become quotes for spot only', async t => {
  const path = recordingPath(t, 'crypto-msg-parser/binance_ticker_ws.jsonl')
  if (path === undefined) return
  const outcomes = new Outcomes(`crypto-msg-parser/${basename(path)}`)
  const quotes: Quote[] = []
  for await (const frame of readLines(path)) quotes.push(...outcomes.add(stream.mapFrame(frame, observation())))
  report(t, outcomes)
  assert.deepEqual([outcomes.payloads, outcomes.ignored], [6, { 'not spot: 24hrTicker': 4, kline: 1 }])
  assert.deepEqual(
    quotes.map(({ key, last, lastSize, prevClose, turnover, exchangeTime }) => [
      key,
      last,
      lastSize,
      prevClose,
      turnover,
      exchangeTime
    ]),
    [['binance:spot:ETH-USDT', '1792.84', '0.5572', '1764.61', '840180761.513581', 1_653_812_650_349_000]]
  )
})

test('the messages of tardis-node become quotes for spot only', async t => {
  const path = recordingPath(t, 'tardis-node/mapper_messages.jsonl')
  if (path === undefined) return
  const rows = new Map<string, Outcomes>()
  for (const { origin, frame, generated } of await readTardis(path, /binance/)) {
    const outcomes = rows.get(origin) ?? new Outcomes(`tardis-node ${origin}`)
    rows.set(origin, outcomes)
    if (generated) outcomes.leaveOut('made by the recorder')
    else outcomes.add(stream.mapFrame(frame, observation()))
  }
  for (const outcomes of rows.values()) report(t, outcomes)
  const facts = Object.fromEntries(
    [...rows].map(([origin, { quotes, ignored, refused }]) => [origin, { quotes, ignored, refused }])
  )
  assert.deepEqual(facts, {
    'map binance messages': { quotes: 4, ignored: { depthUpdate: 4, 'made by the recorder': 2 }, refused: {} },
    'map binance dex messages': {
      quotes: 0,
      ignored: { depthUpdate: 1, 'not spot: trade': 1, 'made by the recorder': 1 },
      refused: { 'unknown_symbol not asked for': 2 }
    },
    'map binance futures messages': {
      quotes: 0,
      ignored: {
        aggTrade: 1,
        depthUpdate: 2,
        forceOrder: 1,
        'made by the recorder': 2,
        markPriceUpdate: 3,
        'not spot: 24hrTicker': 2,
        'not spot: bookTicker': 1,
        'not spot: trade': 3
      },
      refused: {}
    },
    'map binance-european-options messages': {
      quotes: 0,
      ignored: { depth: 1, index: 2, markPrice: 1, 'not spot: 24hrTicker': 2, 'not spot: trade': 2, openInterest: 2 },
      refused: {}
    },
    'map binance-european-options messages v2': {
      quotes: 0,
      ignored: {
        depthUpdate: 1,
        markPrice: 2,
        'not spot: 24hrTicker': 1,
        'not spot: bookTicker': 1,
        'not spot: trade': 2,
        openInterest: 1
      },
      refused: {}
    }
  })
})

test('the fixtures of xchange become quotes where they are complete', t => {
  const folder = recordingPath(t, 'xchange')
  if (folder === undefined) return
  const frames = {
    'testBookTickerEvent.json': { quotes: 1, refused: {} },
    'testTickerEvent.json': { quotes: 1, refused: {} },
    // A documentation example whose time is 1973.
    'testTradeEvent.json': { quotes: 0, refused: { 'bad_value T': 1 } }
  }
  for (const [file, expected] of Object.entries(frames)) {
    const outcomes = new Outcomes(`xchange/stream-binance/${file}`)
    outcomes.add(stream.mapFrame(readCommentedJson(join(folder, 'stream-binance', file)), observation()))
    report(t, outcomes)
    assert.deepEqual({ quotes: outcomes.quotes, refused: outcomes.refused }, expected)
  }
})
