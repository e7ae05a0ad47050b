import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryRelay } from '../../lib/relay/memory-relay.ts'
import { quotesOf, type Received, runRelaySuite } from './relay-suite.ts'

test('the relay in memory', async t => {
  await runRelaySuite(t, async () => {
    const relay = new MemoryRelay()
    const read = async () => {
      const received: Received[] = []
      relay.read(message => received.push(message) > 0)
      return received
    }
    return { relay, read }
  })

  await t.test('what a reader has taken is not given to it again when the batch comes again', async () => {
    const relay = new MemoryRelay()
    const taken: string[] = []
    let room = 2
    relay.read(({ id }) => room-- > 0 && taken.push(id) > 0)
    const quotes = quotesOf(3)
    await assert.rejects(relay.publish(quotes), { code: 'refused', retryable: true, unconfirmed: quotes.slice(2) })
    room = 9
    await relay.publish(quotes)
    assert.deepEqual(
      taken,
      quotes.map(({ id }) => id)
    )
  })
})
