import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { Quote } from '../../lib/quote/quote.ts'
import type { Relay } from '../../lib/relay/relay.ts'
import type { RelayError } from '../../lib/relay/relay-error.ts'
import { makeQuote } from '../feed/make-quote.ts'
import { waitUntil } from '../kit/wait-until.ts'

/** What a reader got. */
export interface Received {
  id: string
  body: string
}

export interface Bench {
  relay: Relay
  /** From now on all quotes are read into the list, until the test ends. */
  read(): Promise<Received[]>
}

/** Values that a number could not hold, and a symbol that has to be escaped for any broker. */
const EXACT: Quote = {
  ...makeQuote({ seq: 1, key: 'test:spot:币.A/B+C#%41' }),
  bid: '12345678901234567890.123456789012345678',
  bidSize: '0.000000000000000001',
  ask: '0',
  askSize: null
}

/** More than waits for a confirmation at once. */
const MANY = 5_000
const BATCHES = 10

export function quotesOf(count: number, from = 0): Quote[] {
  return Array.from({ length: count }, (_, index) => makeQuote({ seq: from + index + 1 }))
}

/** What every relay must do. `start` gives one with a broker, or a part of a broker, of its own that nobody reads. */
export async function runRelaySuite(t: TestContext, start: (t: TestContext) => Promise<Bench>): Promise<void> {
  await t.test('a confirmed quote arrives under its id, digit for digit', async t => {
    const { relay, read } = await start(t)
    const received = await read()
    await relay.publish([EXACT])
    await waitUntil('it came', () => received.length > 0)
    assert.equal(received[0]?.id, EXACT.id)
    assert.deepEqual(JSON.parse(received[0]?.body ?? ''), EXACT)
  })

  await t.test('what nobody would get is not confirmed, and is published when somebody reads', async t => {
    const { relay, read } = await start(t)
    const quotes = quotesOf(3)
    await assert.rejects(relay.publish(quotes), (error: RelayError) => {
      assert.deepEqual([error.code, error.retryable, error.isAway], ['unroutable', true, false])
      assert.deepEqual(error.unconfirmed, quotes)
      return true
    })
    const received = await read()
    await relay.publish(quotes)
    await waitUntil('all came', () => received.length >= quotes.length)
    assert.deepEqual(
      received.map(({ id }) => id),
      quotes.map(({ id }) => id)
    )
  })

  await t.test('many batches at once are all confirmed, each quote once', async t => {
    const { relay, read } = await start(t)
    const received = await read()
    const quotes = quotesOf(MANY)
    const size = MANY / BATCHES
    const batches = Array.from({ length: BATCHES }, (_, n) => quotes.slice(n * size, (n + 1) * size))
    await Promise.all(batches.map(batch => relay.publish(batch)))
    await waitUntil('all came', () => received.length >= MANY)
    assert.deepEqual(received.map(({ id }) => id).sort(), quotes.map(({ id }) => id).sort())
  })

  await t.test('a batch that was confirmed may be published again, and arrives again under the same ids', async t => {
    const { relay, read } = await start(t)
    const received = await read()
    const [quote] = quotesOf(1) as [Quote]
    await relay.publish([quote])
    await relay.publish([quote])
    await waitUntil('both came', () => received.length === 2)
    assert.equal(received[0]?.id, received[1]?.id)
  })

  await t.test('an empty batch is confirmed', async t => {
    const { relay } = await start(t)
    await relay.publish([])
  })

  await t.test('a batch with what is no key is refused for good before anything is sent', async t => {
    const { relay, read } = await start(t)
    const received = await read()
    const bad = { ...makeQuote({ seq: 1 }), key: 'spot:BTC' }
    await assert.rejects(relay.publish([makeQuote({ seq: 2 }), bad]), (error: RelayError) => {
      assert.deepEqual([error.code, error.retryable], ['bad_quote', false])
      assert.match(error.message, /expected venue:type:symbol, got spot:BTC/)
      return true
    })
    await relay.publish([makeQuote({ seq: 3 })])
    await waitUntil('the next one came', () => received.length > 0)
    assert.deepEqual(
      received.map(({ id }) => id),
      [makeQuote({ seq: 3 }).id]
    )
  })

  await t.test('closed twice, it takes nothing any more', async t => {
    const { relay } = await start(t)
    await Promise.all([relay.close(), relay.close()])
    await assert.rejects(relay.publish(quotesOf(1)), { code: 'closed', retryable: true })
  })
}
