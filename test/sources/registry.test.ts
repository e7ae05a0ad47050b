import assert from 'node:assert/strict'
import { test } from 'node:test'
import { channelsOf, findSource } from '../../lib/sources/registry.ts'
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
