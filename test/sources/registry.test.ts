import assert from 'node:assert/strict'
import { test } from 'node:test'
import { channelsOf, findSource, keyProblem } from '../../lib/sources/registry.ts'
import { SourceError } from '../../lib/sources/source.ts'

test('a source is found by its kind, and an unknown kind is answered with those that exist', () => {
  assert.equal(findSource('binance').name, 'binance')
  assert.throws(
    () => findSource('binanse'),
    (error: unknown) =>
      error instanceof SourceError && error.code === 'unknown_source' && /binance.*binanse/.test(error.message)
  )
})

test('the channels of a kind are known without the source', () => {
  assert.deepEqual(channelsOf('binance'), {
    rest: ['price', 'bookTicker', '24hr', 'instruments'],
    stream: ['@trade', '@ticker', '@miniTicker', '@bookTicker']
  })
  assert.equal(channelsOf('nowhere'), undefined)
})

test('a key that a source cannot ask for is a problem with the form that it takes', () => {
  assert.equal(keyProblem('binance', 'binance:spot:BTC-USDT'), null)
  assert.equal(keyProblem('nowhere', 'binance:spot:BTCUSDT'), null)
  for (const key of ['binance:spot:BTCUSDT', 'okx:spot:BTC-USDT', 'binance:perp:BTC-USDT']) {
    assert.equal(keyProblem('binance', key), `expected a key like binance:spot:BTC-USDT, got "${key}"`)
  }
})
