import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mqttTopic } from '../../lib/relay/mqtt-topic.ts'
import { routingKey } from '../../lib/relay/routing-key.ts'

test('a routing key has three words, whatever the symbol', () => {
  const cases = [
    ['binance:spot:BTC-USDT', 'binance.spot.BTC-USDT'],
    ['xnas:stock:BRK.B', 'xnas.stock.BRK%2EB'],
    ['demo:spot:币安人生USDT', 'demo.spot.币安人生USDT'],
    ['demo:spot:100%.#1', 'demo.spot.100%25%2E%231']
  ] as const
  for (const [key, expected] of cases) {
    assert.equal(routingKey(key), expected)
    assert.deepEqual(routingKey(key).split('.').map(decodeURIComponent), key.split(':'))
  }
})

test('a symbol too long for a routing key is named by its hash: the same every time, another for another', () => {
  const longest = (symbol: string) => `${'v'.repeat(32)}:spot:${symbol}`
  const long = routingKey(longest('币'.repeat(64)))
  // 32 + 1 + 4 + 1 bytes, and up to 217 of the symbol.
  assert.equal(Buffer.byteLength(routingKey(longest('币'.repeat(64).slice(0, 63)))), 38 + 189)
  assert.equal(Buffer.byteLength(long), 38 + 192)
  const cut = ['.'.repeat(64), '𐍈'.repeat(64)].map(symbol => routingKey(longest(symbol)))
  assert.deepEqual(
    cut.map(key => /^v{32}\.spot\.~[0-9a-f]{32}$/.test(key)),
    [false, true]
  )
  const longer = (end: string) => routingKey(longest('𐍈'.repeat(63) + end))
  assert.equal(longer('𐍈'), cut[1])
  assert.notEqual(longer('𐍉'), cut[1])
})

test('no routing key is longer than the protocol allows', () => {
  for (const character of ['.', '%', '币', '𐍈', 'a']) {
    for (let length = 1; length <= 64; length++) {
      const key = routingKey(`${'v'.repeat(32)}:option:${character.repeat(length)}`)
      assert.ok(Buffer.byteLength(key) <= 255, key)
    }
  }
})

test('a topic has four levels, whatever the symbol', () => {
  const cases = [
    ['xnas:stock:BRK.B', 'quotes/xnas/stock/BRK.B'],
    ['kraken:spot:BTC/USD', 'quotes/kraken/spot/BTC%2FUSD'],
    ['demo:spot:50%+#\uffff', 'quotes/demo/spot/50%25%2B%23%EF%BF%BF']
  ] as const
  for (const [key, expected] of cases) {
    assert.equal(mqttTopic(key), expected)
    assert.deepEqual(mqttTopic(key).split('/').slice(1).map(decodeURIComponent), key.split(':'))
  }
})

test('what is no key has no place', () => {
  for (const key of ['', 'spot:BTC', 'binance:nothing:BTC', 'binance:spot:', 'binance:spot:a b']) {
    for (const place of [routingKey, mqttTopic]) {
      assert.throws(() => place(key), { code: 'bad_quote', retryable: false })
    }
  }
})
