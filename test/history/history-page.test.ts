import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readMoment, readPage } from '../../lib/history/history-page.ts'
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

test('a moment of the longest quotes of many channels fits one message, and asking on gives all of it', async t => {
  const store = await openHistory('sqlite::memory:')
  t.after(() => store.close())
  const keys = Array.from({ length: 100 }, (_, index) => `demo:spot:LONG${index}`)
  const named = keys.filter((_, index) => index % 10 !== 3)
  const quotes = named.flatMap(key =>
    Array.from({ length: 8 }, (_, index) =>
      makeQuote({ key, id: `${key}|${index}|1`, src: { channel: `c${index}`, egress: '\u0001'.repeat(255) } })
    )
  )
  await store.append(quotes)
  const query = { since: 0, before: Number.MAX_SAFE_INTEGER }
  const all: Quote[] = []
  const answers: number[] = []
  for (let begin = 0; begin < keys.length; begin += answers.at(-1) ?? 0) {
    const moment = await readMoment(store, { ...query, keys: keys.slice(begin) })
    assert.ok(moment.answered > 0)
    assert.ok(Buffer.byteLength(JSON.stringify(moment)) < MIB)
    all.push(...moment.quotes)
    answers.push(moment.answered)
  }
  assert.ok(answers.length > 1)
  const byId = (a: Quote, b: Quote) => (a.id < b.id ? -1 : 1)
  assert.deepEqual(all.sort(byId), quotes.sort(byId))
  assert.deepEqual(await readMoment(store, { ...query, keys: ['demo:spot:NO'] }), { quotes: [], answered: 1 })
})
