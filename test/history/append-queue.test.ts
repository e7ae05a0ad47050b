import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppendQueue } from '../../lib/history/append-queue.ts'
import type { AppendResult } from '../../lib/history/history-store.ts'
import type { Quote } from '../../lib/quote/quote.ts'
import { StoreError } from '../../lib/store/store-error.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { makeQuotes } from './make-quote.ts'

/** A store whose appends wait until they are let through. */
class GatedStore {
  /** The sizes of the appends that were begun. */
  readonly sizes: number[] = []
  readonly #gates: (() => void)[] = []
  refuse: (quotes: readonly Quote[]) => StoreError | undefined = () => undefined

  async append(quotes: readonly Quote[]): Promise<AppendResult> {
    this.sizes.push(quotes.length)
    await new Promise<void>(resolve => this.#gates.push(resolve))
    const error = this.refuse(quotes)
    if (error !== undefined) throw error
    return { inserted: quotes.length, collapsed: 0 }
  }

  /** Lets every append through, the later ones too, until all of these are settled. */
  async open(settled: Promise<unknown>): Promise<void> {
    let done = false
    const end = () => {
      done = true
    }
    settled.then(end, end)
    while (!done) {
      this.#gates.shift()?.()
      await new Promise(resolve => setImmediate(resolve))
    }
  }
}

const batch = (count: number, name = 'A') => makeQuotes(count, { key: `demo:spot:${name}`, observedTime: 0 })

test('a lone batch is appended at once, and what comes meanwhile shares the next transaction', async () => {
  const store = new GatedStore()
  const queue = new AppendQueue(store)
  const all = [10, 20, 30, 40].map(count => queue.append(batch(count)))
  assert.deepEqual(store.sizes, [10])
  await store.open(Promise.all(all))
  assert.deepEqual(store.sizes, [10, 90])
  assert.deepEqual(queue.counters, {
    batches: 4,
    appends: 2,
    inserted: 100,
    collapsed: 0,
    failed: 0,
    retried: 0,
    isolated: 0
  })
})

test('a transaction holds at most 4096 quotes, and at least one batch', async () => {
  const store = new GatedStore()
  const queue = new AppendQueue(store)
  const all = [1, 4_000, 96, 1, 5_000, 1].map(count => queue.append(batch(count)))
  await store.open(Promise.all(all))
  assert.deepEqual(store.sizes, [1, 4_096, 1, 5_000, 1])
})

test('a backlog that fills a transaction is appended beside another, two at once at most, and less is not', async () => {
  const store = new GatedStore()
  const queue = new AppendQueue(store)
  const all = [10, 4_000, 95].map(count => queue.append(batch(count)))
  assert.deepEqual(store.sizes, [10], 'what waits does not fill a transaction')
  all.push(...[1, 4_096, 4_096].map(count => queue.append(batch(count))))
  assert.deepEqual(store.sizes, [10, 4_096], 'a third transaction waits for one of the two')
  await store.open(Promise.all(all))
  assert.deepEqual(store.sizes, [10, 4_096, 4_096, 4_096])
  assert.equal(queue.counters.inserted, 12_298)
})

test('a batch that comes at the moment in which the queue falls idle is appended', async () => {
  const queue = new AppendQueue({ append: async quotes => ({ inserted: quotes.length, collapsed: 0 }) })
  for (let round = 0; round < 100; round++) {
    // Continues in the same turn of the event loop in which the lane ends, a few microtasks earlier or later.
    for (let step = 0; step < round % 10; step++) await Promise.resolve()
    await queue.append(batch(1))
  }
  assert.equal(queue.counters.inserted, 100)
  await queue.close()
})

test('a bad batch is rejected alone: those that shared its transaction are stored', async () => {
  const store = new GatedStore()
  store.refuse = quotes =>
    quotes.some(quote => quote.key === 'demo:spot:BAD') ? new StoreError('out_of_domain', 'bad') : undefined
  const queue = new AppendQueue(store)
  const all = [batch(1), batch(2), batch(3, 'BAD'), batch(4)].map(quotes => queue.append(quotes))
  const settled = Promise.allSettled(all)
  await store.open(settled)
  const outcomes = (await settled).map(one => one.status)
  assert.deepEqual(outcomes, ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'])
  assert.deepEqual(store.sizes, [1, 9, 2, 3, 4])
  assert.deepEqual(queue.counters, {
    batches: 4,
    appends: 3,
    inserted: 7,
    collapsed: 0,
    failed: 1,
    retried: 0,
    isolated: 1
  })
})

/** Quick enough for a test, slow enough to be seen. */
const QUICK = { retryBaseMs: 1, retryCapMs: 4 }

test('while the store is away what was taken is tried again in place, and is stored when it is back', async () => {
  const store = new GatedStore()
  const told: string[] = []
  const onAway = ({ code }: StoreError) => told.push(code)
  const queue = new AppendQueue(store, { ...QUICK, onAway, onBack: () => told.push('back') })
  store.refuse = () => new StoreError('connection_lost', 'gone')
  const all = Promise.all([1, 2, 3].map(count => queue.append(batch(count))))
  const away = waitUntil('it was tried again', () => queue.counters.retried >= 3)
  await store.open(away)
  assert.deepEqual(told, ['connection_lost'])
  store.refuse = () => undefined
  await store.open(all)
  await all
  assert.deepEqual(told, ['connection_lost', 'back'])
  assert.deepEqual([queue.counters.inserted, queue.counters.failed], [6, 0])
})

test('a node that stops while the store is away gives back what it holds, all of it with the reason', async () => {
  const store = new GatedStore()
  store.refuse = () => new StoreError('connection_lost', 'gone')
  const queue = new AppendQueue(store, QUICK)
  const all = Promise.allSettled([1, 2, 3].map(count => queue.append(batch(count))))
  await store.open(waitUntil('it was tried again', () => queue.counters.retried >= 2))
  queue.release()
  await store.open(all)
  for (const outcome of await all) {
    assert.equal(outcome.status, 'rejected')
    assert.equal(outcome.reason.code, 'connection_lost')
  }
  await queue.close()
  assert.equal(queue.counters.failed, 3)
})

test('beyond its bound the queue is busy', async () => {
  const store = new GatedStore()
  const queue = new AppendQueue(store, { maxWaiting: 2 })
  const all = [1, 2, 3].map(count => queue.append(batch(count)))
  await assert.rejects(queue.append(batch(4)), { code: 'busy', retryable: true })
  await store.open(Promise.all(all))
  assert.equal(queue.counters.failed, 1)
})

test('closing waits for what was taken and refuses what comes', async () => {
  const store = new GatedStore()
  const queue = new AppendQueue(store)
  const all = Promise.all([queue.append(batch(1)), queue.append(batch(2))])
  const closed = queue.close()
  await assert.rejects(queue.append(batch(3)), { code: 'closed' })
  await store.open(closed)
  await all
  await queue.close()
  assert.equal(queue.counters.inserted, 3)
})
