import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { STREAMS } from '../../lib/buffer/streams.ts'
import { FEED_LIMITS, type FeedLimits } from '../../lib/feed/feed-limits.ts'
import { FlushBuffer } from '../../lib/feed/flush-buffer.ts'
import { QuietLog } from '../../lib/feed/quiet-log.ts'
import { openHistory } from '../../lib/history/open-history.ts'
import type { Quote } from '../../lib/quote/quote.ts'
import { MemoryStream } from '../../lib/transport/memory-stream.ts'
import { newTransportCounters } from '../../lib/transport/transport-counters.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { makeQuote } from './make-quote.ts'

interface Seen {
  batches: Quote[][]
  ids: string[]
  presses: boolean[]
  warnings: string[]
}

function makeBuffer(limits: Partial<FeedLimits>, publish?: (id: string) => Promise<void>) {
  const seen: Seen = { batches: [], ids: [], presses: [], warnings: [] }
  const buffer = new FlushBuffer({
    id: 'b',
    publish: async (quotes, id) => {
      await publish?.(id)
      seen.batches.push(quotes)
      seen.ids.push(id)
    },
    isFinal: error => error instanceof RangeError,
    press: full => seen.presses.push(full),
    limits: { ...FEED_LIMITS, retryMs: 1, retryMaxMs: 2, ...limits },
    log: new QuietLog({ info() {}, warn: (_fields, event) => seen.warnings.push(event) }),
    now: () => 77,
    random: () => 0
  })
  return { buffer, seen }
}

const quotes = (n: number, from = 0) => Array.from({ length: n }, (_, index) => makeQuote({ seq: from + index }))
const never = () => new Promise<void>(() => {})

test('quotes that come together leave together, with the time they left', async t => {
  const { buffer, seen } = makeBuffer({})
  t.after(() => buffer.drain())
  buffer.push(quotes(2))
  buffer.push(quotes(1, 2))
  assert.equal(seen.batches.length, 0)
  await waitUntil('they are stored', () => buffer.stats.published === 3)
  assert.deepEqual(
    seen.batches[0]?.map(({ seq, publishedTime }) => [seq, publishedTime]),
    [
      ['0', 77],
      ['1', 77],
      ['2', 77]
    ]
  )
  assert.deepEqual(seen.ids, ['b/1'])
})

test('a full batch does not wait, and a batch is never larger than one event may be', async t => {
  const { buffer, seen } = makeBuffer({ flushMs: 60_000 })
  t.after(() => buffer.drain())
  buffer.push(quotes(9_000))
  await waitUntil('all are stored', () => buffer.stats.published === 9_000)
  assert.ok(seen.batches.every(batch => batch.length <= 4_096))
  assert.deepEqual(
    seen.batches.flat().map(({ seq }) => Number(seq)),
    Array.from({ length: 9_000 }, (_, index) => index)
  )
})

test('one batch is published at a time, and what comes meanwhile gathers', async t => {
  const gates: (() => void)[] = []
  const { buffer, seen } = makeBuffer({ flushMs: 0 }, () => new Promise(resolve => gates.push(resolve)))
  t.after(() => buffer.drain())
  buffer.push(quotes(1))
  await waitUntil('the first is under way', () => gates.length === 1)
  for (const n of [1, 2, 3]) buffer.push(quotes(1, n))
  gates[0]?.()
  await waitUntil('the second is under way', () => gates.length === 2)
  gates[1]?.()
  await waitUntil('all are stored', () => buffer.stats.published === 4)
  assert.deepEqual(
    seen.batches.map(batch => batch.length),
    [1, 3]
  )
})

test('pressure is told once when it begins and once when half is gone', async t => {
  let open = () => {}
  const gate = new Promise<void>(resolve => {
    open = resolve
  })
  const { buffer, seen } = makeBuffer({ pauseQuotes: 100, maxQuotes: 1_000 }, () => gate)
  t.after(() => buffer.drain())
  buffer.push(quotes(99))
  assert.deepEqual(seen.presses, [])
  buffer.push(quotes(1))
  buffer.push(quotes(50))
  assert.deepEqual(seen.presses, [true])
  open()
  await waitUntil('all are stored', () => buffer.stats.held === 0)
  assert.deepEqual(seen.presses, [true, false])
})

test('beyond its bound the buffer drops the newest, counts them, and says so once a second at most', async t => {
  const { buffer, seen } = makeBuffer({ pauseQuotes: 5, maxQuotes: 10, drainMs: 1 }, never)
  t.after(() => buffer.drain())
  for (let n = 0; n < 5; n++) buffer.push(quotes(4, n * 4))
  assert.deepEqual([buffer.stats.held, buffer.stats.dropped], [10, 10])
  assert.deepEqual(seen.warnings, ['feed.dropped'])
})

test('draining stores what is held, and takes no more', async () => {
  const { buffer, seen } = makeBuffer({ flushMs: 60_000 })
  buffer.push(quotes(3))
  await buffer.drain()
  assert.equal(seen.batches.flat().length, 3)
  buffer.push(quotes(1))
  assert.deepEqual([buffer.stats.held, buffer.stats.published, buffer.stats.dropped], [0, 3, 1])
})

test('draining gives up in time where the stream does not answer, and counts what it could not store', async () => {
  for (const publish of [never, () => Promise.reject(new Error('away'))]) {
    const { buffer, seen } = makeBuffer({ drainMs: 20 }, publish)
    buffer.push(quotes(3))
    await buffer.drain()
    await buffer.drain()
    assert.deepEqual([buffer.stats.held, buffer.stats.dropped], [0, 3])
    assert.ok(seen.warnings.includes('feed.dropped'))
  }
})

test('a batch that nothing would take is dropped and counted, and the next ones go on', async t => {
  const { buffer, seen } = makeBuffer({}, async id => {
    if (id === 'b/1') throw new RangeError('too large')
  })
  t.after(() => buffer.drain())
  buffer.push(quotes(2))
  await waitUntil('it is dropped', () => buffer.stats.dropped === 2)
  buffer.push(quotes(1, 2))
  await waitUntil('the next is stored', () => buffer.stats.published === 1)
  assert.deepEqual([buffer.stats.held, buffer.stats.rejected], [0, 1])
  assert.deepEqual(seen.ids, ['b/2'])
})

test('a batch that was stored with the answer lost, and tried again beyond the duplicate window, is counted as uncertain, and its quotes are the same', async t => {
  const clock = { now: 0 }
  const stream = new MemoryStream({
    spec: { ...STREAMS[0]!, duplicateWindowMs: 100 },
    epoch: 'e',
    maxBytes: 1_000_000,
    publishDeadlineMs: 1_000,
    counters: newTransportCounters(),
    now: () => clock.now,
    wallNow: () => 0
  })
  const stored: Quote[] = []
  const buffer = new FlushBuffer({
    id: 'b',
    publish: async (quotes, messageId) => {
      if (!(await stream.append('quotes.received', Buffer.from('a batch'), messageId))) return
      stored.push(...quotes)
      if (stored.length > 2) return
      clock.now = 101
      await delay(30)
      throw new Error('the answer is lost, and the server is away')
    },
    isFinal: () => false,
    press: () => {},
    limits: { ...FEED_LIMITS, retryMs: 1, retryMaxMs: 2, certainMs: 20 },
    log: new QuietLog({ info() {}, warn() {} }),
    now: () => 77,
    random: () => 0
  })
  t.after(() => buffer.drain())
  buffer.push(quotes(2))
  await waitUntil('it is stored', () => buffer.stats.published === 2)
  assert.equal(stream.lastSequence, 2, 'the stream holds it twice')
  assert.deepEqual([buffer.stats.uncertain, buffer.stats.dropped], [1, 0])
  const history = await openHistory('sqlite::memory:')
  t.after(() => history.close())
  assert.deepEqual(await history.append(stored), { inserted: 2, collapsed: 2 })

  buffer.push(quotes(1, 2))
  await waitUntil('the next is stored', () => buffer.stats.published === 3)
  assert.equal(buffer.stats.uncertain, 1, 'what is confirmed at once is certain')
})
