import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatKey, INSTRUMENT_TYPES, parseKey } from '../../lib/instruments/instrument-key.ts'

const SYMBOLS = [
  'BTC-USDT',
  '1INCHUPUSDT',
  'ALPHA_116USDT',
  'ARN_USD₮',
  '币安人生USDT',
  'BRK.B',
  'gb_$ixic',
  '600519',
  '000001',
  '^GSPC',
  'CL=F',
  'USD/JPY',
  "O'X",
  '🚀-USDT',
  'x'.repeat(64),
  '🚀'.repeat(64)
]

test('keys go both ways for odd symbols and every type', () => {
  for (const symbol of SYMBOLS) {
    for (const type of INSTRUMENT_TYPES) {
      const key = formatKey({ venue: 'some-venue-1', type, symbol })
      assert.equal(key, `some-venue-1:${type}:${symbol}`)
      assert.deepEqual(parseKey(key), { venue: 'some-venue-1', type, symbol })
    }
  }
})

test('one code of two instruments is two keys', () => {
  assert.notDeepEqual(parseKey('xshg:index:000001'), parseKey('xshe:stock:000001'))
})

const NO_KEYS = {
  nothing: '',
  'a bare symbol': 'BTCUSDT',
  'no type': 'binance:BTC-USDT',
  'no venue': ':spot:BTC-USDT',
  'no symbol': 'binance:spot:',
  'an unknown type': 'binance:token:BTC-USDT',
  'a venue in capitals': 'Binance:spot:BTC-USDT',
  'a venue that is too long': `${'v'.repeat(33)}:spot:BTC-USDT`,
  'a symbol that is too long': `binance:spot:${'x'.repeat(65)}`,
  'a colon in the symbol': 'bitfinex:perp:tBTCF0:USTF0',
  'a blank': 'binance:spot:BTC USDT',
  'a blank at the end': 'binance:spot:BTC-USDT ',
  'a line behind it': 'binance:spot:BTC-USDT\n',
  'a no-break space': 'binance:spot:BTC\u00a0USDT',
  'a control character': 'binance:spot:BTC\u0000',
  'the sign that divides ids': 'binance:spot:BTC|USDT',
  'the sign of patterns': 'binance:spot:*'
}

for (const [what, text] of Object.entries(NO_KEYS)) {
  test(`${what} makes no key`, () => assert.equal(parseKey(text), undefined))
}
