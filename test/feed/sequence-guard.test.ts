import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SequenceGuard } from '../../lib/feed/sequence-guard.ts'
import { compareCandidates } from '../../lib/quote/board.ts'
import type { Quote } from '../../lib/quote/quote.ts'
import { makeQuote, type QuoteParts } from './make-quote.ts'

const SECOND = 1_000_000

function pass(guard: SequenceGuard, parts: QuoteParts): Quote {
  const quote = makeQuote(parts)
  guard.pass(quote)
  return quote
}

const outranks = (a: Quote, b: Quote) =>
  compareCandidates({ quote: a, epoch: 'e', q: 1 }, { quote: b, epoch: 'e', q: 1 }) > 0

test('a rising sequence passes unchanged', () => {
  const guard = new SequenceGuard()
  for (const seq of [1, 2, 9, 10, 9_007_199_254_740_990]) {
    const quote = makeQuote({ seq })
    const before = structuredClone(quote)
    guard.pass(quote)
    assert.deepEqual(quote, before)
  }
  assert.equal(guard.restarts, 0)
})

test('a lower number with a later exchange time is a restart at once: new kind, new ids, and it wins on the board', () => {
  const guard = new SequenceGuard()
  const first = pass(guard, { seq: 1, exchangeTime: 10 })
  const high = pass(guard, { seq: 500, exchangeTime: 20 })
  const restarted = pass(guard, { seq: 1, exchangeTime: 30 })
  const next = pass(guard, { seq: 2, exchangeTime: 31 })
  assert.equal(restarted.seqKind, 'u~30')
  assert.equal(next.seqKind, 'u~30')
  assert.notEqual(restarted.id, first.id)
  assert.ok(outranks(restarted, high))
  assert.ok(outranks(next, restarted))
  assert.equal(guard.restarts, 1)
})

test('a lower number with an earlier or the same exchange time is a late duplicate, however often it comes', () => {
  const guard = new SequenceGuard()
  pass(guard, { seq: 500, exchangeTime: 20, observedTime: 0 })
  for (const second of [1, 4, 8, 60]) {
    const late = pass(guard, { seq: 490 + (second % 9), exchangeTime: 20, observedTime: second * SECOND })
    assert.equal(late.seqKind, 'u')
  }
  assert.equal(guard.restarts, 0)
})

test('without exchange times a fall is a restart only when it has risen for five seconds without recovery', () => {
  const guard = new SequenceGuard()
  const high = pass(guard, { seq: 500, observedTime: 0 })
  const kinds = [1, 2, 3, 4, 5, 6].map(second => pass(guard, { seq: second, observedTime: second * SECOND }).seqKind)
  assert.deepEqual(kinds, ['u', 'u', 'u', 'u', 'u', `u~${6 * SECOND}`])
  const next = pass(guard, { seq: 7, observedTime: 7 * SECOND })
  assert.equal(next.id, `test:spot:A|book|~${6 * SECOND}:7`)
  assert.ok(outranks(next, high))
  assert.equal(guard.restarts, 1)
})

test('without exchange times a recovery forgets the fall: two connections may overlap for ever', () => {
  const guard = new SequenceGuard()
  for (let second = 0; second < 60; second++) {
    for (const seq of [1000 + second, 990 + second]) {
      assert.equal(pass(guard, { seq, observedTime: second * SECOND }).seqKind, 'u')
    }
  }
  assert.equal(guard.restarts, 0)
})

test('without exchange times the same old quote again and again is no restart', () => {
  const guard = new SequenceGuard()
  pass(guard, { seq: 500, observedTime: 0 })
  for (const second of [1, 10, 20]) pass(guard, { seq: 499, observedTime: second * SECOND })
  assert.equal(guard.restarts, 0)
})

test('a straggler of the old sequence after the restart keeps the old kind and moves nothing', () => {
  const guard = new SequenceGuard()
  pass(guard, { seq: 500, exchangeTime: 20 })
  pass(guard, { seq: 1, exchangeTime: 30 })
  const straggler = pass(guard, { seq: 501, exchangeTime: 25 })
  const next = pass(guard, { seq: 2, exchangeTime: 31 })
  assert.deepEqual([straggler.seqKind, next.seqKind], ['u', 'u~30'])
  assert.equal(straggler.id, makeQuote({ seq: 501 }).id)
  assert.equal(guard.restarts, 1)
})

test('each restart outranks the one before', () => {
  const guard = new SequenceGuard()
  const restarts = [20, 30, 40].map(exchangeTime => {
    pass(guard, { seq: 500, exchangeTime: exchangeTime - 5 })
    return pass(guard, { seq: 1, exchangeTime })
  })
  assert.deepEqual(
    restarts.map(({ seqKind }) => seqKind),
    ['u~20', 'u~30', 'u~40']
  )
})

test('keys and channels have sequences of their own', () => {
  const guard = new SequenceGuard()
  pass(guard, { seq: 500, exchangeTime: 1 })
  pass(guard, { seq: 5, exchangeTime: 2, channel: 'trade' })
  pass(guard, { seq: 5, exchangeTime: 3, key: 'test:spot:B' })
  assert.equal(guard.restarts, 0)
})

test('an id that is not made of the sequence, and a quote without one, stay as they are', () => {
  const guard = new SequenceGuard()
  pass(guard, { seq: 500, exchangeTime: 20 })
  const timed = { ...makeQuote({ seq: 1, exchangeTime: 30 }), id: 'test:spot:A|book|30|hash' }
  guard.pass(timed)
  assert.deepEqual([timed.id, timed.seqKind], ['test:spot:A|book|30|hash', 'u~30'])
  const bare = { ...makeQuote({ seq: 1 }), seq: null, seqKind: null }
  guard.pass(bare)
  assert.equal(bare.seqKind, null)
})

test('what was stored before the process began counts: a restart meanwhile is noticed, an earlier one goes on', () => {
  const stored = { ...makeQuote({ seq: 500, exchangeTime: 20 }), seqKind: 'u~10' }
  const continuing = new SequenceGuard()
  continuing.restore([stored])
  assert.equal(pass(continuing, { seq: 501, exchangeTime: 21 }).seqKind, 'u~10')

  const restarted = new SequenceGuard()
  restarted.restore([stored])
  assert.equal(pass(restarted, { seq: 1, exchangeTime: 30 }).seqKind, 'u~30')

  const late = new SequenceGuard()
  pass(late, { seq: 1, exchangeTime: 30 })
  late.restore([stored])
  assert.equal(pass(late, { seq: 2, exchangeTime: 31 }).seqKind, 'u~31')
})
