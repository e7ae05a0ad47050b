import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readPage } from '../../lib/history/history-page.ts'
import { openHistory } from '../../lib/history/open-history.ts'
import type { Quote } from '../../lib/quote/quote.ts'
import { makeQuote } from './make-quote.ts'

const NOON = 1_700_000_000_000_000
const MIB = 1024 * 1024

test('a page of the longest quotes fits one message, and the pages give all of them', async t => {
  const store = await openHistory('sqlite::memory:')
  t.after(() => store.close())
  const key = 'demo:spot:LONG'
  const quotes = Array.from({ length: 1_000 }, (_, index) =>
    makeQuote({
      key,
      observedTime: NOON + (index >> 3),
      id: `${key}|t|${index}`,
      src: { egress: '\u0001'.repeat(255) }
    })
  )
  await store.append(quotes)
  const range = { key, from: 0, to: Number.MAX_SAFE_INTEGER, limit: 1_000 }
  const all: Quote[] = []
  for (let isLast = false; !isLast; ) {
    const page = await readPage(store, { ...range, after: all.at(-1) })
    assert.ok(page.quotes.length > 0)
    assert.ok(Buffer.byteLength(JSON.stringify(page)) < MIB)
    all.push(...page.quotes)
    isLast = page.isLast
  }
  assert.deepEqual(all, await store.range(range))
  assert.equal(all.length, 1_000)
})

test('a page that the limit cuts is not the last', async t => {
  const store = await openHistory('sqlite::memory:')
  t.after(() => store.close())
  const quotes = [0, 1].map(offset => makeQuote({ observedTime: NOON + offset }))
  await store.append(quotes)
  const range = { key: quotes[0]?.key ?? '', from: 0, to: Number.MAX_SAFE_INTEGER }
  assert.deepEqual(await readPage(store, { ...range, limit: 1 }), { quotes: quotes.slice(0, 1), isLast: false })
  assert.deepEqual(await readPage(store, { ...range, limit: 3 }), { quotes, isLast: true })
  assert.deepEqual(await readPage(store, { ...range, key: 'demo:spot:NO', limit: 3 }), { quotes: [], isLast: true })
})
