import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryPlaybackHistory } from '../../lib/push/memory-playback-history.ts'
import { PlaybackReader } from '../../lib/push/playback-reader.ts'
import type { Quote } from '../../lib/quote/quote.ts'
import { keysOf, makeQuote, OPENING, seededRandom } from './make-quotes.ts'
import { inOrder } from './play.ts'

/** Quotes of which many share a time, most of them of the first instruments. */
function crowded(count: number, keys: readonly string[], times: number, seed: number): Quote[] {
  const random = seededRandom(seed)
  return Array.from({ length: count }, (_, index) => {
    const key = keys[Math.floor(random() ** 3 * keys.length)] ?? ''
    const time = OPENING + Math.floor(random() * times)
    return {
      ...makeQuote(key, time, { last: String(index), lastSize: null }),
      id: `${key}|t|${(index * 7919) % count}`
    }
  })
}

async function readAll(reader: PlaybackReader): Promise<Quote[]> {
  const quotes: Quote[] = []
  for (let run = await reader.next(); run !== undefined; run = await reader.next()) {
    assert.ok(run.length > 0)
    quotes.push(...run)
  }
  return quotes
}

for (const [times, pageRows] of [
  [1, 1],
  [1, 7],
  [3, 5],
  [50, 3],
  [1_000, 20],
  [1_000, 1_000]
] as const) {
  test(`histories at ${times} times are merged by time, key and id from pages of ${pageRows}, each quote once`, async () => {
    const keys = keysOf(12)
    const quotes = crowded(600, keys, times, times + pageRows)
    const history = new MemoryPlaybackHistory(quotes)
    const page = history.page.bind(history)
    const all = { from: OPENING, until: OPENING + times }
    assert.deepEqual(await readAll(new PlaybackReader({ keys, ...all, pageRows, page })), inOrder(quotes))
    const part = { from: OPENING + Math.floor(times / 3), until: OPENING + Math.ceil(times / 2) }
    const within = quotes.filter(({ observedTime }) => observedTime >= part.from && observedTime < part.until)
    assert.deepEqual(await readAll(new PlaybackReader({ keys, ...part, pageRows, page })), inOrder(within))
  })
}

test('a page that cannot be read is read again, and nothing is lost or doubled', async () => {
  const keys = keysOf(5)
  const quotes = crowded(300, keys, 40, 3)
  const history = new MemoryPlaybackHistory(quotes)
  const random = seededRandom(5)
  const reader = new PlaybackReader({
    keys,
    from: 0,
    until: OPENING * 2,
    pageRows: 10,
    page: async query => {
      if (random() < 0.4) throw new Error('away')
      return history.page(query)
    }
  })
  const read: Quote[] = []
  let failures = 0
  for (let isOver = false; !isOver; ) {
    try {
      const run = await reader.next()
      if (run === undefined) isOver = true
      else read.push(...run)
    } catch {
      failures++
    }
  }
  assert.ok(failures > 5)
  assert.deepEqual(read, inOrder(quotes))
})

test('one page of each instrument is in memory, and instruments without quotes cost one read', async () => {
  const keys = keysOf(20)
  const quotes = crowded(2_000, keys.slice(0, 10), 5_000, 8)
  const history = new MemoryPlaybackHistory(quotes)
  const reads = new Map<string, number>()
  const reader = new PlaybackReader({
    keys,
    from: 0,
    until: OPENING * 2,
    pageRows: 25,
    page: query => {
      reads.set(query.key, (reads.get(query.key) ?? 0) + 1)
      return history.page(query)
    }
  })
  for (let run = await reader.next(); run !== undefined; run = await reader.next()) {
    assert.ok(run.length <= 10 * 25, `${run.length} at once`)
  }
  for (const key of keys.slice(10)) assert.equal(reads.get(key), 1)
})

test('nothing stored is the end', async () => {
  const history = new MemoryPlaybackHistory([])
  const reader = new PlaybackReader({
    keys: keysOf(3),
    from: 0,
    until: OPENING,
    pageRows: 5,
    page: history.page.bind(history)
  })
  assert.equal(await reader.next(), undefined)
  assert.equal(await reader.next(), undefined)
})
