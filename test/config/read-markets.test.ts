import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { ConfigError } from '../../lib/config/config-error.ts'
import { readMarkets } from '../../lib/config/read-markets.ts'

const channels = (kind: string) =>
  kind === 'binance' ? { rest: ['price', 'bookTicker', '24hr'], stream: ['@bookTicker', '@trade'] } : undefined

function problemsOf(text: string): readonly string[] {
  try {
    readMarkets(text, 'markets.yaml', channels)
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.problems
  }
  return assert.fail('expected the markets to be refused')
}

test('the shipped markets are accepted and fully filled in', () => {
  const markets = readMarkets(readFileSync('config/markets.yaml', 'utf8'), 'config/markets.yaml', channels)
  assert.deepEqual(markets.sources, [
    { name: 'binance', source: 'binance', rest: 'demo', stream: 'demo', userAgents: [] }
  ])
  assert.equal(markets.watchlists[0]?.instruments.length, 20)
  assert.deepEqual(markets.watchlists[0]?.poll[0], { channel: 'price', intervalMs: 1000 })
})

test('every mistake of the form is reported at once with its line, what was expected and what came', () => {
  const problems = problemsOf(`sources:
  - name: Binance!
    source: binance
    rset: demo
watchlists:
  - name: majors
    source: binance
    instruments: []
    poll:
      - { channel: price, intervalMs: 1000.5 }
`)
  assert.equal(problems.length, 4)
  assert.match(problems[0] ?? '', /^markets\.yaml:2: sources\[0\]\.name: expected the form .*, got Binance!/)
  assert.match(problems[1] ?? '', /^markets\.yaml:4: sources\[0\]: expected only .*rest.*, got rset/)
  assert.match(problems[2] ?? '', /^markets\.yaml:8: watchlists\[0\]\.instruments: expected at least 1 entry, got 0/)
  assert.match(
    problems[3] ?? '',
    /^markets\.yaml:10: watchlists\[0\]\.poll\[0\]\.intervalMs: expected a whole number, got 1000\.5/
  )
})

test('every wrong reference is reported at once with its line', () => {
  const problems = problemsOf(`sources:
  - { name: a, source: binance }
  - { name: a, source: kraken }
watchlists:
  - name: w
    source: a
    instruments:
      - binance:spot:BTC-USDT
      - BTCUSDT
      - binance:spot:BTC-USDT
    poll: [{ channel: ticker, intervalMs: 1000 }]
    stream: ['@depth']
  - name: v
    source: nowhere
    instruments: [binance:spot:BTC-USDT]
`)
  assert.deepEqual(problems, [
    'markets.yaml:3: expected a name once, got a again',
    'markets.yaml:3: expected a known kind of source, got kraken',
    'markets.yaml:9: expected venue:type:symbol, got BTCUSDT',
    'markets.yaml:10: expected each instrument once, got binance:spot:BTC-USDT again',
    'markets.yaml:11: expected a channel among price, bookTicker, 24hr, got ticker',
    'markets.yaml:12: expected a channel among @bookTicker, @trade, got @depth',
    'markets.yaml:14: expected one of a, a, got nowhere'
  ])
})

test('a key that its source cannot ask for is refused with its line, before anything starts', () => {
  const text = `sources:
  - { name: venue, source: binance }
watchlists:
  - name: majors
    source: venue
    instruments:
      - binance:spot:BTC-USDT
      - binance:spot:BTCUSDT
`
  const keyProblem = (kind: string, key: string) => (key.includes('-') ? null : `expected a pair for ${kind}`)
  assert.throws(() => readMarkets(text, 'm.yaml', channels, keyProblem), {
    problems: ['m.yaml:8: expected a pair for binance']
  })
})

test('unencrypted endpoints are for this machine only', () => {
  const markets = (rest: string, stream: string) =>
    `sources: [{ name: a, source: binance, rest: '${rest}', stream: '${stream}' }]\nwatchlists: [{ name: w, source: a, instruments: ['binance:spot:BTC-USDT'] }]\n`
  for (const [rest, stream] of [
    ['http://127.0.0.1:80', 'ws://[::1]:9'],
    ['https://x.example', 'wss://x.example']
  ] as const) {
    assert.equal(readMarkets(markets(rest, stream), 'm', channels).sources[0]?.rest, rest)
  }
  assert.deepEqual(problemsOf(markets('http://x.example', 'https://x.example')), [
    'markets.yaml:1: expected demo, https://… or an address of this machine without encryption, got http://x.example',
    'markets.yaml:1: expected demo, wss://… or an address of this machine without encryption, got https://x.example'
  ])
})

test('text that is not YAML, and an empty file, are refused with a line', () => {
  assert.match(problemsOf('sources: [\n')[0] ?? '', /^markets\.yaml:\d+: expected YAML, got /)
  assert.match(problemsOf('')[0] ?? '', /^markets\.yaml:1: sources: expected a value, got nothing/)
})
