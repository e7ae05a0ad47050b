import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { HistoryStore } from '../../lib/history/history-store.ts'
import { parsePattern } from '../../lib/instruments/key-pattern.ts'
import type { Quote } from '../../lib/quote/quote.ts'
import { makeQuote, makeQuotes } from './make-quote.ts'
import { randomQuotes } from './random-quotes.ts'

const NOON = 1_700_000_000_000_000
const EVER = { from: 0, to: Number.MAX_SAFE_INTEGER, limit: 10_000 }

/** What every history must do. `open` opens the same database again and again. */
export async function runHistorySuite(t: TestContext, open: () => Promise<HistoryStore>): Promise<void> {
  const opened = async (t: TestContext): Promise<HistoryStore> => {
    const store = await open()
    t.after(() => store.close())
    return store
  }

  await t.test('a quote with every field comes back equal, and so does one that carries nothing', async t => {
    const store = await opened(t)
    const full = makeQuote({
      key: 'demo:spot:FULL',
      seq: '123456789012345678901234567890',
      seqKind: 'u~1700000000000000',
      exchangeTime: NOON - 5,
      publishedTime: NOON + 5,
      src: { kind: 'rest', channel: 'ticker/24hr', slot: NOON, egress: 'proxy-1' },
      ...{ last: '99999999999999999999.999999999999999999', lastSize: '0.000000000000000001' },
      ...{ bid: '-37.63', bidSize: '0', ask: '0.1', askSize: null },
      ...{ open: null, high: null, low: null, prevClose: null, volume: '100', turnover: null, window: null }
    })
    const empty = makeQuote({ key: 'demo:spot:FULL', observedTime: NOON + 1, status: 'halted' })
    await store.append([full, empty])
    assert.deepEqual(await store.range({ key: 'demo:spot:FULL', ...EVER }), [full, empty])
  })

  for (const size of [2_000, 50]) {
    await t.test(`2,000 random quotes of the whole domain, ${size} at once, come back digit for digit`, async t => {
      const store = await opened(t)
      const quotes = randomQuotes(2_000, 7 + size).map(quote => ({ ...quote, id: `${quote.id}|${size}` }))
      const before = await store.count()
      for (let begin = 0; begin < quotes.length; begin += size) {
        const appended = await store.append(quotes.slice(begin, begin + size))
        assert.deepEqual(appended, { inserted: size, collapsed: 0 })
      }
      assert.equal((await store.count()) - before, 2_000)
      const expected = new Map(quotes.map(quote => [`${quote.key} ${quote.id}`, quote]))
      for (const key of new Set(quotes.map(quote => quote.key))) {
        for (const quote of await store.range({ key, ...EVER })) {
          if (!quote.id.endsWith(`|${size}`)) continue
          assert.deepEqual(quote, expected.get(`${key} ${quote.id}`))
          expected.delete(`${key} ${quote.id}`)
        }
      }
      assert.equal(expected.size, 0)
    })
  }

  await t.test('an id is stored once, the first time, and the counts say so', async t => {
    const store = await opened(t)
    const key = 'demo:spot:ONCE'
    const [a, b, c] = makeQuotes(3, { key, observedTime: NOON }) as [Quote, Quote, Quote]
    assert.deepEqual(await store.append([a, b, a]), { inserted: 2, collapsed: 1 })
    const later = { ...b, observedTime: NOON + 99, last: '7', lastSize: null }
    assert.deepEqual(await store.append([later, c]), { inserted: 1, collapsed: 1 })
    assert.deepEqual(await store.append([]), { inserted: 0, collapsed: 0 })
    assert.deepEqual(await store.range({ key, ...EVER }), [a, b, c])
    assert.equal(await store.count(key), 3)
  })

  await t.test('so it is for many at once: doubled in one batch, stored before, and stored in part', async t => {
    const store = await opened(t)
    const key = 'demo:spot:MANY'
    const quotes = makeQuotes(3_000, { key, observedTime: NOON, last: '1', lastSize: null })
    const first = quotes.slice(0, 2_000)
    const changed = quotes.map(quote => ({ ...quote, last: '2' }))
    assert.deepEqual(await store.append([...first, ...changed.slice(0, 2_000)]), { inserted: 2_000, collapsed: 2_000 })
    assert.deepEqual(await store.append(first), { inserted: 0, collapsed: 2_000 })
    assert.deepEqual(await store.append(changed), { inserted: 1_000, collapsed: 2_000 })
    assert.deepEqual(await store.range({ key, ...EVER }), [...first, ...changed.slice(2_000)])
  })

  await t.test('equal ids of two instruments, and ids that differ in case only, are different', async t => {
    const store = await opened(t)
    const ids = ['demo:spot:IDS|x|a', 'demo:spot:IDS|x|A', 'demo:spot:IDS|x|a.', 'x|a', 'x|A']
    const quotes = ids.flatMap(id => ['demo:spot:IDS', 'demo:spot:ids'].map(key => makeQuote({ key, id })))
    assert.deepEqual(await store.append(quotes), { inserted: 10, collapsed: 0 })
    const found = await store.range({ key: 'demo:spot:IDS', ...EVER })
    assert.deepEqual(found.map(quote => quote.id).sort(), [...ids].sort())
  })

  await t.test('what cannot be kept exactly is refused with a code, and nothing of its batch is stored', async t => {
    const store = await opened(t)
    const key = 'demo:spot:REFUSED'
    const good = makeQuote({ key })
    const bad: Record<string, Partial<Quote>> = {
      'a 21-digit price': { last: '100000000000000000000', lastSize: null },
      'a 19th fraction digit': { last: '0.1234567890123456789', lastSize: null },
      'a decimal that is not canonical': { last: '1.10', lastSize: null },
      'an exponent': { last: '1e3', lastSize: null },
      'a number in place of a decimal': { last: 1 as unknown as string, lastSize: null },
      'half a group': { last: '1' },
      'a field of a group that is not carried': { lastSize: '1' },
      'a key without a type': { key: 'demo:REFUSED' },
      'a key with half a character': { key: 'demo:spot:\ud800' },
      'an id that is too long': { id: `${key}|trade|${'9'.repeat(250)}` },
      'an id with a blank': { id: `${key}|trade|1 ` },
      'an empty id': { id: `${key}|` },
      'an empty channel in the id': { id: `${key}||1` },
      'a sequence without a kind': { seq: '1' },
      'a fraction of a microsecond': { observedTime: NOON + 0.5 },
      'a time before the epoch': { exchangeTime: -1 },
      'a time beyond 2^53': { receivedTime: 2 ** 53 },
      'an unknown status': { status: 'asleep' as 'closed' },
      'a channel that is too long': { src: { ...good.src, channel: 'c'.repeat(65) } },
      'an egress that is too long': { src: { ...good.src, egress: 'e'.repeat(256) } }
    }
    for (const [what, change] of Object.entries(bad)) {
      const refused = store.append([good, { ...good, id: `${key}|trade|bad`, ...change }])
      await assert.rejects(refused, { code: 'out_of_domain', retryable: false }, what)
    }
    assert.equal(await store.count(key), 0)
  })

  await t.test('a range is ordered by observed time, then id, from inclusive to exclusive', async t => {
    const store = await opened(t)
    const key = 'demo:spot:RANGE'
    const at = (offset: number, id: string) => makeQuote({ key, observedTime: NOON + offset, id: `${key}|${id}` })
    const [a, b, c, d] = [at(0, 't|a'), at(1, 't|B'), at(1, 't|b'), at(2, 't|a2')] as [Quote, Quote, Quote, Quote]
    await store.append([d, c, b, a])
    const range = (from: number, to: number, limit: number, order?: 'asc' | 'desc') =>
      store.range({ key, from: NOON + from, to: NOON + to, limit, ...(order === undefined ? {} : { order }) })
    assert.deepEqual(await range(0, 3, 10), [a, b, c, d])
    assert.deepEqual(await range(0, 3, 10, 'desc'), [d, c, b, a])
    assert.deepEqual(await range(1, 2, 10), [b, c])
    assert.deepEqual(await range(0, 3, 2), [a, b])
    assert.deepEqual(await range(0, 3, 3, 'desc'), [d, c, b])
    assert.deepEqual(await range(3, 9, 10), [])
    assert.deepEqual(await range(2, 1, 10), [])
    assert.deepEqual(await store.range({ key: 'demo:spot:NEVER', ...EVER }), [])
    for (const limit of [0, -1, 1.5, 10_001]) {
      await assert.rejects(store.range({ key, from: 0, to: NOON, limit }), { code: 'out_of_domain' })
    }
  })

  await t.test('a range merges the series of an instrument', async t => {
    const store = await opened(t)
    const key = 'demo:spot:MERGED'
    const channels = ['a', 'b', 'c', 'd', 'e']
    const quotes = Array.from({ length: 500 }, (_, index) =>
      makeQuote({ key, observedTime: NOON + (index >> 1), src: { channel: channels[(index * 7) % 5] ?? 'a' } })
    )
    await store.append(quotes)
    const sorted = quotes.toSorted((a, b) => a.observedTime - b.observedTime || (a.id < b.id ? -1 : 1))
    assert.deepEqual(await store.range({ key, ...EVER }), sorted)
    assert.deepEqual(await store.range({ key, from: NOON + 50, to: NOON + 100, limit: 60 }), sorted.slice(100, 160))
    const newestFirst = await store.range({ key, from: NOON, to: NOON + 100, limit: 70, order: 'desc' })
    assert.deepEqual(newestFirst, sorted.slice(130, 200).reverse())
    assert.equal(await store.count(key), 500)
  })

  await t.test('the newest of every key and channel since a time', async t => {
    const store = await opened(t)
    const key = 'demo:spot:NEWEST'
    const of = (channel: string, offset: number, provider = 'demo') =>
      makeQuote({ key, observedTime: NOON + offset, src: { channel, provider } })
    const quotes = [of('a', 1), of('a', 3), of('a', 2), of('b', 5), of('c', -9), of('d', 6, 'one'), of('d', 7, 'two')]
    await store.append(quotes)
    const newest = (await store.newest(NOON)).filter(quote => quote.key === key)
    newest.sort((a, b) => a.observedTime - b.observedTime)
    assert.deepEqual(newest, [of('a', 3), of('b', 5), of('d', 7, 'two')])
  })

  await t.test('the newest before a time, of some keys only', async t => {
    const store = await opened(t)
    const [one, other] = ['demo:spot:ASOF1', 'demo:spot:ASOF2'] as const
    const of = (key: string, channel: string, offset: number) =>
      makeQuote({ key, observedTime: NOON + offset, src: { channel } })
    await store.append([of(one, 'a', 1), of(one, 'a', 5), of(one, 'b', -1), of(other, 'a', 3), of(other, 'b', 5)])
    const newest = async (before: number, keys: string[]) =>
      (await store.asOf({ since: NOON, before: NOON + before, keys })).map(
        ({ key, src, observedTime }) => `${key.slice(-1)} ${src.channel} ${observedTime - NOON}`
      )
    assert.deepEqual((await newest(5, [one, other])).sort(), ['1 a 1', '2 a 3'])
    assert.deepEqual((await newest(6, [one, other])).sort(), ['1 a 5', '2 a 3', '2 b 5'])
    assert.deepEqual(await newest(6, [one, 'demo:spot:NEVER']), ['1 a 5'])
    assert.deepEqual(await newest(1, [one, other]), [])
    assert.deepEqual(await newest(9, []), [])
    await assert.rejects(
      newest(
        9,
        Array.from({ length: 501 }, (_, index) => `demo:spot:${index}`)
      ),
      {
        code: 'out_of_domain'
      }
    )
  })

  for (const order of ['asc', 'desc'] as const) {
    await t.test(`pages of a range, ${order}, give every row once, also where many share a time`, async t => {
      const store = await opened(t)
      const key = `demo:spot:PAGED-${order}`
      const quotes = Array.from({ length: 700 }, (_, index) =>
        makeQuote({
          key,
          // Most of them at two times, over three channels, the ids in another order than they were stored.
          observedTime: NOON + (index < 300 ? 5 : index < 600 ? 6 : index - 590),
          id: `${index % 5 === 0 ? '' : `${key}|`}t|${(index * 7919) % 700}`,
          src: { channel: ['a', 'b', 'c'][index % 3] ?? 'a' }
        })
      )
      await store.append(quotes)
      const range = { key, from: NOON + 5, to: NOON + 1_000, order }
      const whole = await store.range({ ...range, limit: 1_000 })
      assert.equal(whole.length, 700)
      for (const limit of [1, 7, 100, 700]) {
        const paged: Quote[] = []
        for (;;) {
          const page = await store.range({ ...range, limit, after: paged.at(-1) })
          paged.push(...page)
          if (page.length < limit) break
        }
        assert.deepEqual(paged, whole, `pages of ${limit}`)
      }
      const from = (observedTime: number) => store.range({ ...range, limit: 1_000, after: { observedTime, id: 'x' } })
      assert.equal((await from(NOON)).length, order === 'asc' ? 700 : 0)
      assert.equal((await from(NOON + 1_000)).length, order === 'asc' ? 0 : 700)
      await assert.rejects(from(0.5), { code: 'out_of_domain' })
    })
  }

  await t.test('the instruments that match patterns, in pages, each once', async t => {
    const store = await opened(t)
    const keys = [
      'one:spot:A',
      'one:spot:a',
      'one:perp:A',
      'two:spot:A',
      'two:spot:A_B',
      'two:spot:AxB',
      'two:spot:50%'
    ]
    await store.append(keys.map(key => makeQuote({ key })))
    const find = async (texts: string[], limit: number) => {
      const patterns = texts.map(text => parsePattern(text) ?? assert.fail(text))
      const found: string[] = []
      let after: string | null = null
      do {
        const page = await store.keys({ patterns, after, limit })
        assert.ok(page.keys.length <= limit)
        found.push(...page.keys)
        after = page.next
      } while (after !== null)
      return found.sort()
    }
    for (const limit of [1, 2, 100]) {
      assert.deepEqual(await find(['one:*:*'], limit), ['one:perp:A', 'one:spot:A', 'one:spot:a'])
      assert.deepEqual(await find(['*:spot:A'], limit), ['one:spot:A', 'two:spot:A'])
      assert.deepEqual(await find(['two:spot:A_B', '*:perp:*'], limit), ['one:perp:A', 'two:spot:A_B'])
      assert.deepEqual(await find(['two:*:50%'], limit), ['two:spot:50%'])
      assert.deepEqual(await find(['nope:*:*'], limit), [])
    }
    assert.deepEqual(await find([], 5), [])
    await assert.rejects(store.keys({ patterns: [], after: null, limit: 0 }), { code: 'out_of_domain' })
  })

  await t.test('four writers of the same new instruments and quotes at once store each quote once', async t => {
    const stores = await Promise.all([opened(t), opened(t)])
    const batches = [0, 1, 2].map(batch =>
      ['A', 'B', 'C'].flatMap(symbol =>
        makeQuotes(200, { key: `demo:spot:RACE${symbol}`, observedTime: NOON + 100 * batch })
      )
    )
    // The second batch shares half of its quotes with the first and the third, in another order.
    batches[1]?.reverse()
    const results = await Promise.all(
      [...stores, ...stores].flatMap(store => batches.map(batch => store.append(batch)))
    )
    const inserted = results.reduce((sum, result) => sum + result.inserted, 0)
    const collapsed = results.reduce((sum, result) => sum + result.collapsed, 0)
    assert.deepEqual({ inserted, collapsed }, { inserted: 1_200, collapsed: 12 * 600 - 1_200 })
    for (const symbol of ['A', 'B', 'C']) assert.equal(await stores[0]?.count(`demo:spot:RACE${symbol}`), 400)
  })

  await t.test('a closed store says so, and is closed twice without harm', async () => {
    const store = await open()
    await store.close()
    await store.close()
    await assert.rejects(store.append([makeQuote()]), { code: 'closed' })
    await assert.rejects(store.count(), { code: 'closed' })
  })
}
