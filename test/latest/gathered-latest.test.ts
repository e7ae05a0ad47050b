import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { GatheredLatest, type GatheringOptions, newGatheringCounters } from '../../lib/latest/gathered-latest.ts'
import type { LatestStore } from '../../lib/latest/latest-store.ts'
import { MemoryLatest } from '../../lib/latest/memory-latest.ts'
import type { Candidate } from '../../lib/quote/board.ts'
import { StoreError } from '../../lib/store/store-error.ts'
import { makeQuotes } from '../history/make-quote.ts'
import { runLatestSuite } from './latest-suite.ts'

/** A store whose merges end when they are let through. */
class GatedStore extends MemoryLatest {
  /** The sizes of the merges that were begun. */
  readonly sizes: number[] = []
  readonly #gates: (() => void)[] = []
  refuse: (candidates: readonly Candidate[]) => Error | undefined = () => undefined

  override async merge(candidates: readonly Candidate[]): Promise<void> {
    this.sizes.push(candidates.length)
    await new Promise<void>(resolve => this.#gates.push(resolve))
    const error = this.refuse(candidates)
    if (error !== undefined) throw error
    await super.merge(candidates)
  }

  /** Lets every merge through that was begun, or that follows from it. */
  async open(): Promise<void> {
    while (this.#gates.length > 0) {
      this.#gates.shift()?.()
      await turn()
    }
  }
}

const batch = (count: number, name = 'A'): Candidate[] =>
  makeQuotes(count, { key: `demo:spot:${name}`, observedTime: 1 }).map((quote, q) => ({ quote, epoch: 'e', q }))

/** A gathering over a gated store, whose intervals pass only by `t.mock.timers`. */
function gathering(t: TestContext, options: Partial<GatheringOptions> = {}) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const store = new GatedStore()
  const counters = newGatheringCounters()
  const latest = new GatheredLatest(store, counters, { intervalMs: 500, ...options })
  return { store, counters, latest }
}

test('the latest values in a store whose merges are gathered', t =>
  runLatestSuite(t, async () => new GatheredLatest(new MemoryLatest(), undefined, { intervalMs: 1 })))

test('a lone batch is merged at once, and what comes within the interval shares the next merge', async t => {
  const { store, counters, latest } = gathering(t)
  const all = Promise.all([latest.merge(batch(10)), latest.merge(batch(20)), latest.merge(batch(30))])
  await store.open()
  assert.deepEqual(store.sizes, [10])
  t.mock.timers.tick(499)
  assert.deepEqual(store.sizes, [10])
  t.mock.timers.tick(1)
  assert.deepEqual(store.sizes, [10, 50])
  await store.open()
  await all
  assert.deepEqual(counters, { merges: 2, isolated: 0 })
  t.mock.timers.tick(500)
  const later = latest.merge(batch(1))
  assert.deepEqual(store.sizes, [10, 50, 1], 'a lone batch again')
  await store.open()
  await later
})

test('a batch is not told as merged before the store has merged it', async t => {
  const { store, latest } = gathering(t)
  const merged: number[] = []
  const all = [1, 2].map(count => latest.merge(batch(count)).then(() => merged.push(count)))
  await turn()
  assert.deepEqual(merged, [])
  await store.open()
  assert.deepEqual(merged, [1])
  t.mock.timers.tick(500)
  await turn()
  assert.deepEqual(merged, [1])
  await store.open()
  await Promise.all(all)
})

test('a merge that takes longer than the interval is not joined by another', async t => {
  const { store, latest } = gathering(t)
  const all = Promise.all([latest.merge(batch(1)), latest.merge(batch(2))])
  t.mock.timers.tick(2_000)
  await turn()
  assert.deepEqual(store.sizes, [1])
  await store.open()
  await all
  assert.deepEqual(store.sizes, [1, 2])
})

test('many batches or many candidates wait for no interval, and a merge takes no more than its bound', async t => {
  const { store, latest } = gathering(t, { fullBatches: 4, fullCandidates: 100 })
  const all = [latest.merge(batch(1))]
  await store.open()
  all.push(...[1, 1, 1].map(count => latest.merge(batch(count))))
  assert.deepEqual(store.sizes, [1])
  all.push(latest.merge(batch(1)))
  assert.deepEqual(store.sizes, [1, 4])
  await store.open()
  all.push(...[60, 39].map(count => latest.merge(batch(count))))
  assert.deepEqual(store.sizes, [1, 4])
  all.push(latest.merge(batch(200)))
  await store.open()
  await Promise.all(all)
  assert.deepEqual(store.sizes, [1, 4, 99, 200])
})

test('a bad batch is rejected alone: those that shared its merge are kept', async t => {
  const { store, counters, latest } = gathering(t)
  store.refuse = candidates =>
    candidates.some(({ quote }) => quote.key === 'demo:spot:BAD') ? new TypeError('bad') : undefined
  const batches = [batch(1), batch(2, 'B'), batch(3, 'BAD'), batch(4, 'C')]
  const settled = Promise.allSettled(batches.map(candidates => latest.merge(candidates)))
  await store.open()
  t.mock.timers.tick(500)
  await store.open()
  const outcomes = (await settled).map(({ status }) => status)
  assert.deepEqual(outcomes, ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'])
  assert.deepEqual(store.sizes, [1, 9, 2, 3, 4])
  assert.deepEqual(counters, { merges: 3, isolated: 1 })
  assert.deepEqual((await latest.keys()).sort(), ['demo:spot:A', 'demo:spot:B', 'demo:spot:C'])
})

test('while the store is away all that shared a merge are rejected with the reason, and none is tried alone', async t => {
  const { store, counters, latest } = gathering(t)
  store.refuse = () => new StoreError('connection_lost', 'gone')
  const settled = Promise.allSettled([1, 2, 3].map(count => latest.merge(batch(count))))
  await store.open()
  t.mock.timers.tick(500)
  await store.open()
  for (const outcome of await settled) {
    assert.equal(outcome.status, 'rejected')
    assert.deepEqual([outcome.reason.code, outcome.reason.retryable], ['connection_lost', true])
  }
  assert.deepEqual(store.sizes, [1, 5])
  assert.deepEqual(counters, { merges: 0, isolated: 0 })
})

test('a store that goes away while batches are tried alone is not asked again for each of them', async t => {
  const { store, counters, latest } = gathering(t)
  let refused = 0
  store.refuse = () => {
    refused++
    return refused === 2 ? new TypeError('bad') : refused > 3 ? new StoreError('connection_lost', 'gone') : undefined
  }
  const settled = Promise.allSettled([1, 2, 3, 4, 5].map(count => latest.merge(batch(count))))
  await store.open()
  t.mock.timers.tick(500)
  await store.open()
  assert.deepEqual(store.sizes, [1, 14, 2, 3])
  assert.deepEqual(
    (await settled).map(outcome => (outcome.status === 'fulfilled' ? 'merged' : outcome.reason.code)),
    ['merged', 'merged', 'connection_lost', 'connection_lost', 'connection_lost']
  )
  assert.deepEqual(counters, { merges: 2, isolated: 1 })
})

test('beyond its bound the gathering is busy', async t => {
  const { store, latest } = gathering(t, { maxWaiting: 2 })
  const all = Promise.all([1, 2, 3].map(count => latest.merge(batch(count))))
  await assert.rejects(latest.merge(batch(4)), { code: 'busy', retryable: true })
  await store.open()
  t.mock.timers.tick(500)
  await store.open()
  await all
})

test('closing merges at once what waits, and refuses what comes', async t => {
  const { store, latest } = gathering(t)
  const all = Promise.all([latest.merge(batch(1)), latest.merge(batch(2))])
  const closed = latest.close()
  await assert.rejects(latest.merge(batch(3)), { code: 'closed' })
  await store.open()
  await all
  await closed
  await latest.close()
  assert.deepEqual(store.sizes, [1, 2])
  await assert.rejects((store as LatestStore).keys(), { code: 'closed' })
})
