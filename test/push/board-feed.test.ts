import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { BoardFeed, type SnapshotPage } from '../../lib/push/board-feed.ts'
import { systemClock } from '../../lib/push/clock.ts'
import { Hub } from '../../lib/push/hub.ts'
import type { Candidate } from '../../lib/quote/board.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { keysOf, makeQuote, OPENING } from './make-quotes.ts'

const [A = '', B = ''] = keysOf(2)
const trade = (key: string, at: number) => makeQuote(key, OPENING + at, { last: String(at), lastSize: null })
const candidate = (key: string, at: number, q: number, epoch = 'E1'): Candidate => ({ quote: trade(key, at), epoch, q })

interface Asked {
  after: string | null
  answer: (page: SnapshotPage) => void
  fail: (error: Error) => void
}

/** A feed whose snapshot pages the test gives by hand. */
function openFeed(t: TestContext): { hub: Hub; feed: BoardFeed; asked: Asked[]; retries: number[] } {
  const hub = new Hub({ node: 'test', isKnown: () => false })
  const asked: Asked[] = []
  const retries: number[] = []
  const feed = new BoardFeed({
    hub,
    clock: systemClock,
    fetchPage: after =>
      new Promise((answer, fail) => {
        asked.push({ after, answer, fail })
      }),
    onRetry: (_error, attempt) => retries.push(attempt)
  })
  t.after(async () => {
    feed.close()
    await hub.close()
  })
  return { hub, feed, asked, retries }
}

const lastOf = (hub: Hub, key: string): unknown =>
  [...(hub.board.entries.get(key)?.row.candidates.values() ?? [])][0]?.quote.last

test('batches wait for the snapshot, which is asked for page by page and again after a failure, and then apply in order', async t => {
  const { hub, feed, asked, retries } = openFeed(t)
  feed.begin({ epoch: 'E1', after: 10 })
  const applied: number[] = []
  const batches = [11, 12, 13].map(sequence =>
    feed.accept('E1', sequence, [trade(A, sequence)]).then(() => applied.push(sequence))
  )
  asked[0]!.fail(new Error('no latest service yet'))
  await waitUntil('it was asked again', () => asked.length === 2)
  asked[1]!.answer({ candidates: [candidate(A, 5, 5 * 4096)], next: A })
  await waitUntil('the next page was asked for', () => asked.length === 3)
  assert.equal(asked[2]!.after, A)
  assert.deepEqual(applied, [])
  assert.equal(hub.isReady, false)
  asked[2]!.answer({ candidates: [candidate(B, 6, 6 * 4096)], next: null })
  await Promise.all(batches)
  assert.deepEqual(applied, [11, 12, 13])
  assert.deepEqual(retries, [1])
  assert.equal(hub.isReady, true)
  assert.deepEqual([lastOf(hub, A), lastOf(hub, B)], ['13', '6'])
  assert.equal(hub.board.position, 13 * 4096)
  assert.deepEqual([hub.board.entries.get(A)?.q, hub.board.entries.get(B)?.q], [13 * 4096, 6 * 4096])
  assert.equal(hub.counters.updatesLate, 0)
})

test('a snapshot ahead of the stream is not served until the stream has passed it', async t => {
  const { hub, feed, asked } = openFeed(t)
  feed.begin({ epoch: 'E1', after: 10 })
  asked[0]!.answer({ candidates: [candidate(A, 12, 12 * 4096)], next: null })
  await feed.accept('E1', 11, [trade(B, 11)])
  assert.equal(hub.isReady, false)
  await feed.accept('E1', 12, [trade(A, 12)])
  assert.equal(hub.isReady, true)
})

test('positions of an earlier epoch do not count in the new one, and its batches are left out', async t => {
  const { hub, feed, asked } = openFeed(t)
  feed.begin({ epoch: 'E1', after: 0 })
  asked[0]!.answer({ candidates: [], next: null })
  await feed.accept('E1', 900, [trade(A, 900)])
  feed.begin({ epoch: 'E2', after: 0 })
  assert.equal(hub.isReady, false)
  asked[1]!.answer({ candidates: [candidate(A, 900, 900 * 4096)], next: null })
  await feed.accept('E1', 901, [trade(A, 901)])
  assert.equal(hub.counters.batchesOfOtherEpoch, 1)
  assert.equal(hub.isReady, true)
  assert.deepEqual([lastOf(hub, A), hub.board.entries.get(A)?.q, hub.board.epoch], ['900', 0, 'E2'])
})

test('a second beginning makes the pages of the first one useless', async t => {
  const { hub, feed, asked } = openFeed(t)
  feed.begin({ epoch: 'E1', after: 0 })
  feed.begin({ epoch: 'E2', after: 0 })
  asked[0]!.answer({ candidates: [candidate(A, 1, 4096)], next: null })
  asked[1]!.answer({ candidates: [candidate(B, 2, 4096, 'E2')], next: null })
  await feed.accept('E2', 1, [trade(B, 2)])
  assert.equal(hub.isReady, true)
  assert.deepEqual([...hub.board.entries.keys()], [B])
  assert.equal(hub.counters.snapshotLoads, 1)
})

test('closing lets waiting batches go without applying them', async t => {
  const { hub, feed } = openFeed(t)
  feed.begin({ epoch: 'E1', after: 0 })
  const waiting = feed.accept('E1', 1, [trade(A, 1)])
  feed.close()
  feed.close()
  await waiting
  assert.equal(hub.board.entries.size, 0)
})
