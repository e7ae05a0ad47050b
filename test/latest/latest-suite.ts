import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { LatestStore } from '../../lib/latest/latest-store.ts'
import { type BoardRow, type Candidate, emptyRow, mergeQuote, viewRow } from '../../lib/quote/board.ts'
import { makeQuote, makeQuotes } from '../history/make-quote.ts'
import { randomQuotes } from '../history/random-quotes.ts'
import { MERGE_CASES } from './merge-cases.ts'
import { permutations } from './permutations.ts'

/** What every latest store must do. `open` opens the same store, or a new one where nothing is shared. */
export async function runLatestSuite(t: TestContext, open: () => Promise<LatestStore>): Promise<void> {
  const opened = async (t: TestContext): Promise<LatestStore> => {
    const store = await open()
    t.after(() => store.close())
    return store
  }

  for (const [number, { name, candidates, visible }] of MERGE_CASES.entries()) {
    await t.test(`in all orders: ${name}`, async t => {
      const store = await opened(t)
      const orders = permutations(candidates)
      // Each order has an instrument of its own, so that all of them go side by side, step by step.
      const one = orders.map((order, index) => order.map(move(`demo:spot:ONE${number}-${index}`)))
      const whole = orders.map((order, index) => order.map(move(`demo:spot:WHOLE${number}-${index}`)))
      for (const step of candidates.keys()) await store.merge(one.flatMap(order => order[step] ?? []))
      await store.merge(whole.flat())
      await store.merge(whole.flat())

      for (const order of [...one, ...whole]) {
        const key = order[0]?.quote.key ?? ''
        const [row] = await store.rows([key])
        assert.deepEqual(row, merged(candidates.map(move(key))).get(key))
        const view = row && viewRow(row)
        assert.deepEqual({ ...view, ...visible }, view)
      }
    })
  }

  await t.test('rows of unknown keys are left out, each key is told once, and an empty merge is nothing', async t => {
    const store = await opened(t)
    await store.merge([])
    const [a, b] = ['demo:spot:币安人生USDT', 'demo:spot:KNOWN'].map(key => move(key)(quoted('1'))) as [
      Candidate,
      Candidate
    ]
    await store.merge([a, b, a])
    const rows = await store.rows([b.quote.key, 'demo:spot:UNKNOWN', a.quote.key, b.quote.key])
    assert.deepEqual(
      rows.map(row => row.key),
      [b.quote.key, a.quote.key]
    )
    const keys = (await store.keys()).filter(key => key === a.quote.key || key === b.quote.key)
    assert.deepEqual(keys.sort(), [b.quote.key, a.quote.key])
  })

  await t.test('what is read cannot change what is kept', async t => {
    const store = await opened(t)
    const key = 'demo:spot:KEPT'
    await store.merge([move(key)(quoted('1'))])
    const [row] = await store.rows([key])
    row?.candidates.clear()
    assert.equal((await store.rows([key]))[0]?.candidates.size, 1)
  })

  await t.test('a batch of 4096 candidates of 500 instruments is merged as by mergeQuote', async t => {
    const store = await opened(t)
    const noon = 1_700_000_000_000_000
    const quotes = Array.from({ length: 500 }, (_, index) =>
      makeQuotes(8, { key: `demo:spot:MANY${index}`, observedTime: noon })
    ).flat()
    quotes.push(...makeQuotes(96, { key: 'demo:spot:MANY0', observedTime: noon + 4 }))
    const candidates = quotes.map((quote, index) => ({ quote, epoch: 'e', q: 4_096 + index }))
    assert.equal(candidates.length, 4_096)
    await store.merge(candidates)
    await assertRows(store, candidates)
  })

  await t.test(
    'random quotes of the whole domain, by two writers in two orders, are the rows of mergeQuote',
    async t => {
      const writers = [await opened(t), await opened(t)]
      const candidates = randomQuotes(1_500, 5).map((quote, index) => ({
        quote: { ...quote, key: quote.key.replace(':spot:', ':perp:') },
        epoch: 'e',
        q: Number.MAX_SAFE_INTEGER - index
      }))
      // Both writers give everything, so that stores that share nothing also end with everything.
      const [forwards, backwards] = [candidates, candidates.toReversed()]
      for (let begin = 0; begin < candidates.length; begin += 100) {
        await Promise.all([
          writers[0]?.merge(forwards.slice(begin, begin + 100)),
          writers[1]?.merge(backwards.slice(begin, begin + 100))
        ])
      }
      for (const store of writers) await assertRows(store, candidates)
    }
  )

  await t.test('a closed store says so, and is closed twice without harm', async () => {
    const store = await open()
    await store.close()
    await store.close()
    await assert.rejects(store.keys(), { code: 'closed' })
    await assert.rejects(store.merge([quoted('1')]), { code: 'closed' })
  })
}

/** The same candidate of another instrument. */
function move(key: string): (candidate: Candidate) => Candidate {
  return candidate => ({ ...candidate, quote: { ...candidate.quote, key } })
}

function quoted(last: string): Candidate {
  return { quote: makeQuote({ last, lastSize: null }), epoch: 'e', q: 1 }
}

/** The rows that mergeQuote makes. */
function merged(candidates: readonly Candidate[]): Map<string, BoardRow> {
  const rows = new Map<string, BoardRow>()
  for (const candidate of candidates) {
    const { key } = candidate.quote
    const row = rows.get(key) ?? emptyRow(key)
    rows.set(key, row)
    mergeQuote(row, candidate)
  }
  return rows
}

async function assertRows(store: LatestStore, candidates: readonly Candidate[]): Promise<void> {
  const expected = merged(candidates)
  const rows = await store.rows([...expected.keys()])
  assert.deepEqual(new Map(rows.map(row => [row.key, row])), expected)
}
