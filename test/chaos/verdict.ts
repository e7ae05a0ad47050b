import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { ServiceBroker } from 'moleculer'
import type { HistoryStore } from '../../lib/history/history-store.ts'
import { openHistory } from '../../lib/history/open-history.ts'
import type { LatestStore } from '../../lib/latest/latest-store.ts'
import { openLatest } from '../../lib/latest/open-latest.ts'
import { type BoardRow, emptyRow, mergeQuote, viewRow } from '../../lib/quote/board.ts'
import { VALUE_FIELDS } from '../../lib/quote/quote.ts'
import type { DeadLetterPage } from '../../lib/transport/dead-letter.ts'
import type { GroupLag } from '../../services/buffer.service.ts'
import { cleanUp } from '../kit/clean-up.ts'
import { type ConfirmedLoad, loadQuoteId } from '../kit/confirmed-load.ts'
import type { LocalCluster } from '../kit/local-cluster.ts'
import type { ClientRow } from '../kit/protocol-client.ts'
import { waitUntil } from '../kit/wait-until.ts'
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
  const boards = await compareBoards(latest, rows, followers)

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

/** @returns what differs, by instrument; empty when the history, the latest store and all clients show the same. */
async function compareBoards(
  latest: LatestStore,
  rows: ReadonlyMap<string, BoardRow>,
  followers: readonly Follower[]
): Promise<string[]> {
  let differences = ['never compared']
  const compare = async () => {
    const found: string[] = []
    const held = new Map((await latest.rows([...rows.keys()])).map(row => [row.key, viewRow(row)]))
    for (const [key, row] of rows) {
      const expected = viewRow(row)
      const view = held.get(key)
      if (expected === undefined || view === undefined || shown(view) !== shown(expected)) {
        found.push(`${key}: latest ${view && shown(view)}, history ${expected && shown(expected)}`)
      }
      for (const [index, { board }] of followers.entries()) {
        const client = board?.rows.get(key)
        if (client === undefined || view === undefined || values(client) !== values(view)) {
          found.push(`${key}: latest ${view && values(view)}, client ${index + 1} ${client && values(client)}`)
        }
      }
    }
    differences = found
    return found.length === 0
  }
  // The last frames are on their way.
  // Whoever asked is told what still differs.
  await waitUntil('all boards are equal', compare).catch(() => undefined)
  return differences
}

/** A view without its place in the stream and the time of publishing, which the history does not tell. */
function shown(view: object): string {
  const { q: _q, epoch: _epoch, publishedTime: _published, ...rest } = view as Record<string, unknown>
  return JSON.stringify(Object.entries(rest).sort())
}

/** What a client's row and a view have in common. */
function values(row: ClientRow | object): string {
  const fields = row as Record<string, unknown>
  return JSON.stringify([...VALUE_FIELDS, 'status', 'exchangeTime', 'receivedTime'].map(name => fields[name] ?? null))
}
