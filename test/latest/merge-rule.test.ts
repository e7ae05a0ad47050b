import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rankOf } from '../../lib/latest/candidate-rank.ts'
import { candidatesOf, warmCandidates } from '../../lib/latest/candidates-of.ts'
import { type Candidate, compareCandidates, emptyRow, mergeQuote, viewRow, visible } from '../../lib/quote/board.ts'
import { GROUP_NAMES } from '../../lib/quote/quote.ts'
import { makeQuote, makeQuotes } from '../history/make-quote.ts'
import { seeded } from '../history/random-quotes.ts'
import { MERGE_CASES } from './merge-cases.ts'
import { permutations } from './permutations.ts'

for (const { name, candidates, visible: expected } of MERGE_CASES) {
  test(`mergeQuote in all orders: ${name}`, () => {
    const rows = permutations(candidates).map(order => {
      const row = emptyRow('demo:spot:MERGE')
      for (const candidate of [...order, ...order]) {
        const before = GROUP_NAMES.map(group => visible(row, group))
        const changed = mergeQuote(row, candidate)
        const really = GROUP_NAMES.filter((group, index) => visible(row, group) !== before[index])
        assert.deepEqual(changed, really, 'the groups that are said to change are those that do')
      }
      return row
    })
    for (const row of rows) {
      assert.deepEqual(row, rows[0])
      const view = viewRow(row)
      assert.deepEqual(view, rows[0] && viewRow(rows[0]))
      assert.deepEqual({ ...view, ...expected }, view)
    }
  })
}

/** Candidates of few distinct parts, so that many pairs differ in the last part only. */
function closeCandidates(count: number): Candidate[] {
  const random = seeded(3)
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!
  return Array.from({ length: count }, () => {
    const seqKind = pick([null, 'u', 'v', 'u~1700000000000000', 'u~1700000000000001'])
    const seq = seqKind === null ? null : pick(['0', '9', '10', '9007199254740993', '123456789012345678901'])
    const quote = makeQuote({
      seq,
      seqKind,
      exchangeTime: pick([null, 0, 1, 9, 10, Number.MAX_SAFE_INTEGER]),
      observedTime: pick([0, 9, 10, Number.MAX_SAFE_INTEGER])
    })
    return { quote, epoch: pick(['', 'a', 'b', 'ab']), q: pick([0, 1, 9, 10, Number.MAX_SAFE_INTEGER]) }
  })
}

test('ranks are ordered byte by byte as the candidates are', () => {
  const candidates = closeCandidates(600)
  const ranks = candidates.map(candidate => Buffer.from(rankOf(candidate)))
  for (const [i, a] of candidates.entries()) {
    for (const [j, b] of candidates.entries()) {
      const order = Math.sign(compareCandidates(a, b))
      assert.equal(Buffer.compare(ranks[i]!, ranks[j]!), order, `${ranks[i]} and ${ranks[j]}`)
    }
  }
})

test('what a rank cannot order is refused', () => {
  const [candidate] = closeCandidates(1) as [Candidate]
  const refused: Candidate[] = [
    { ...candidate, q: -1 },
    { ...candidate, q: 0.5 },
    { ...candidate, epoch: 'a b' },
    { ...candidate, quote: { ...candidate.quote, observedTime: -1 } },
    { ...candidate, quote: { ...candidate.quote, exchangeTime: -2 } },
    { ...candidate, quote: { ...candidate.quote, seqKind: 'u', seq: '1\n2' } },
    { ...candidate, quote: { ...candidate.quote, seqKind: 'u', seq: '9'.repeat(999) } }
  ]
  for (const bad of refused) assert.throws(() => rankOf(bad), { code: 'out_of_domain' })
})

test('quotes of a batch have consecutive positions, and stored ones come before every stream', () => {
  const quotes = makeQuotes(3, { key: 'demo:spot:A', observedTime: 5 })
  assert.deepEqual(
    candidatesOf(quotes, 'e', 7).map(({ epoch, q }) => [epoch, q]),
    [
      ['e', 28_672],
      ['e', 28_673],
      ['e', 28_674]
    ]
  )
  assert.deepEqual(warmCandidates(quotes)[2], { quote: quotes[2], epoch: '', q: 0 })
})
