import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryLatest, mergeInto } from '../../lib/latest/memory-latest.ts'
import { readPage, type SnapshotPage } from '../../lib/latest/snapshot-page.ts'
import type { BoardRow } from '../../lib/quote/board.ts'
import { randomQuotes } from '../history/random-quotes.ts'

async function filled(): Promise<MemoryLatest> {
  const store = new MemoryLatest()
  const quotes = randomQuotes(400, 9).map((quote, index) => ({ ...quote, key: `${quote.key}${index % 5}` }))
  await store.merge(quotes.map((quote, index) => ({ quote, epoch: 'e', q: index })))
  return store
}

async function readAll(store: MemoryLatest, limit: number, maxBytes?: number): Promise<SnapshotPage[]> {
  const pages: SnapshotPage[] = []
  for (let after: string | undefined; ; ) {
    const page = await readPage(store, { limit, ...(after === undefined ? {} : { after }) }, maxBytes)
    pages.push(page)
    if (page.next === null) return pages
    after = page.next
  }
}

test('whoever merges all pages has the rows of the store', async () => {
  const store = await filled()
  const expected = new Map((await store.rows(await store.keys())).map(row => [row.key, row]))
  for (const limit of [1, 7, 40, 500]) {
    const pages = await readAll(store, limit)
    assert.equal(pages.length, Math.ceil(expected.size / limit))
    const rows = new Map<string, BoardRow>()
    for (const { candidates } of pages) mergeInto(rows, candidates)
    assert.deepEqual(rows, expected)
  }
})

test('a page ends before it is longer than a message may be, and each candidate is in it once', async () => {
  const store = await filled()
  const pages = await readAll(store, 500, 20_000)
  assert.ok(pages.length > 3)
  for (const { candidates } of pages) {
    assert.ok(Buffer.byteLength(JSON.stringify(candidates)) <= 20_000 + candidates.length + 2)
    const ids = candidates.map(({ quote, q }) => `${quote.key} ${quote.id} ${q}`)
    assert.equal(new Set(ids).size, ids.length)
  }
  const keys = pages.flatMap(({ candidates }) => [...new Set(candidates.map(({ quote }) => quote.key))])
  assert.deepEqual(keys, (await store.keys()).sort())
})

test('a single row longer than a message is a page of its own', async () => {
  const store = await filled()
  const pages = await readAll(store, 500, 1)
  assert.equal(pages.length, (await store.keys()).length)
})

test('an empty board is one empty page', async () => {
  assert.deepEqual(await readPage(new MemoryLatest(), {}), { candidates: [], next: null })
})
