import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { ServiceBroker } from 'moleculer'
import type { HistoryStore } from '../../lib/history/history-store.ts'
import { openHistory } from '../../lib/history/open-history.ts'
import { openLatest } from '../../lib/latest/open-latest.ts'
import { type BoardRow, type BoardView, emptyRow, mergeQuote, viewRow } from '../../lib/quote/board.ts'
import type { DeadLetterPage } from '../../lib/transport/dead-letter.ts'
import type { GroupLag } from '../../services/buffer.service.ts'
import { cleanUp } from '../kit/clean-up.ts'
import { type ConfirmedLoad, loadQuoteId } from '../kit/confirmed-load.ts'
import type { LocalCluster } from '../kit/local-cluster.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { compareBoards, untilEqual, viewsOf } from './compare-boards.ts'
import type { Follower } from './follower.ts'
import { historyOf } from './history-of-all.ts'

export interface Evidence {
  cluster: LocalCluster
  /** Stopped. */
  load: ConfirmedLoad
  loadKeys: readonly string[]
  /** All that the stream ever held. */
  streamed: ReadonlySet<string>
  followers: readonly Follower[]
}

/** The rows of all instruments as the whole history makes them, with what is wrong with the history. */
interface Stored {
  ids: Set<string>
  doubled: string[]
  rows: Map<string, BoardRow>
}

/** Waits until every durable group has acknowledged every quote that is stored. Slots that nobody fetches any more are left to their age. */
export async function waitUntilDrained(broker: ServiceBroker, timeoutMs = 60_000): Promise<void> {
  let lags: GroupLag[] = []
  const drained = async () => {
    // While a leader is elected the buffer has no answer.
    const all = await broker.call<GroupLag[]>('buffer.lag').catch(() => [])
    lags = all.filter(({ stream }) => stream === 'quotes')
    return lags.length > 0 && lags.every(({ pending }) => pending === 0)
  }
  await waitUntil('every group has acknowledged everything', drained, timeoutMs).catch(error => {
    throw new Error(`groups are behind: ${JSON.stringify(lags)}`, { cause: error })
  })
}

/**
 * Compares what was confirmed with what is there, when nothing is published any more: the history holds every confirmed quote
 * once, and nothing that the stream did not; the latest store holds the merge of the whole history; and every client shows that
 * board, without a gap that the protocol did not explain. Prints the figures, and fails if one is wrong.
 */
export async function judge(t: TestContext, evidence: Evidence): Promise<void> {
  const { cluster, load, loadKeys, streamed, followers } = evidence
  const { broker, mariadb, redis } = cluster
  await waitUntilDrained(broker)
  // Asked first: reading a long history leaves this process no time for the heartbeats of the others.
  const { count: deadLetters } = await broker.call<DeadLetterPage>('buffer.deadLetters')
  const latest = await openLatest(redis.url)
  cleanUp(t, () => latest.close())
  const history = await openHistory(mariadb.url)
  cleanUp(t, () => history.close())

  const keys = [...new Set([...(await latest.keys()), ...loadKeys])]
  const { ids, doubled, rows } = await readHistory(history, keys)
  const hidden = (await history.count()) - ids.size - doubled.length
  const confirmed = load.confirmed()
  const lost = Array.from({ length: confirmed }, (_, n) => loadQuoteId(loadKeys, n)).filter(id => !ids.has(id))
  const unstored = [...streamed].filter(id => !ids.has(id))
  const unread = [...ids].filter(id => !streamed.has(id))
  const loaded = countOf(ids, loadKeys)
  const clients = followers.map((follower, index) => ({
    name: `client ${index + 1}`,
    rows: () => follower.board?.rows
  }))
  const boards = await untilEqual(async () => {
    const views = await viewsOf(latest, [...rows.keys()])
    return [...compareWithHistory(views, rows), ...(await compareBoards(views, clients))]
  })

  t.diagnostic(
    `confirmed ${confirmed}, stored ${loaded}, lost ${lost.length}, doubled ${doubled.length}, boards ${boards.length === 0 ? 'equal' : 'DIFFER'}`
  )
  t.diagnostic(
    `refused and repeated ${load.refused()}; with the venue's: ${streamed.size} streamed, ${ids.size} stored; ${keys.length} instruments; dead letters ${deadLetters}`
  )
  for (const { sightings } of followers) t.diagnostic(`client: ${JSON.stringify(sightings)}`)
  assert.equal(hidden, 0, 'rows of the history that no range of a known instrument shows')
  assert.deepEqual(lost.slice(0, 5), [], 'confirmed quotes that are not in the history')
  assert.deepEqual(doubled.slice(0, 5), [], 'quotes that are in the history more than once')
  assert.deepEqual(unstored.slice(0, 5), [], 'quotes of the stream that are not in the history')
  assert.deepEqual(unread.slice(0, 5), [], 'quotes of the history that a group of its own did not get')
  assert.deepEqual(boards.slice(0, 5), [], 'instruments whose board differs')
  assert.equal(loaded, confirmed)
  assert.equal(deadLetters, 0, 'dead letters')
  for (const { sightings } of followers) {
    const { losses, duplicates, regressions, strays } = sightings
    assert.deepEqual(
      { losses, duplicates, regressions, strays },
      { losses: 0, duplicates: 0, regressions: 0, strays: 0 }
    )
  }
}

async function readHistory(history: HistoryStore, keys: readonly string[]): Promise<Stored> {
  const stored: Stored = { ids: new Set(), doubled: [], rows: new Map() }
  for (const key of keys) {
    const row = emptyRow(key)
    let q = 0
    for await (const quote of historyOf(history, key)) {
      if (stored.ids.has(quote.id)) stored.doubled.push(quote.id)
      stored.ids.add(quote.id)
      mergeQuote(row, { quote, epoch: '', q: q++ })
    }
    stored.rows.set(key, row)
  }
  return stored
}

function countOf(ids: ReadonlySet<string>, keys: readonly string[]): number {
  const wanted = new Set(keys)
  let count = 0
  for (const id of ids) if (wanted.has(id.slice(0, id.indexOf('|')))) count++
  return count
}

/** @returns what differs, by instrument; empty when the latest store shows what the history makes. */
function compareWithHistory(views: ReadonlyMap<string, BoardView>, rows: ReadonlyMap<string, BoardRow>): string[] {
  const found: string[] = []
  for (const [key, row] of rows) {
    const expected = viewRow(row)
    const view = views.get(key)
    if (expected === undefined || view === undefined || shown(view) !== shown(expected)) {
      found.push(`${key}: latest ${view && shown(view)}, history ${expected && shown(expected)}`)
    }
  }
  return found
}

/** A view without its place in the stream and the time of publishing, which the history does not tell. */
function shown(view: object): string {
  const { q: _q, epoch: _epoch, publishedTime: _published, ...rest } = view as Record<string, unknown>
  return JSON.stringify(Object.entries(rest).sort())
}
