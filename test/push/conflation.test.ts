import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { answerLatest } from '../../lib/push/board-answer.ts'
import { DEFAULT_LIMITS } from '../../lib/push/limits.ts'
import type { LoopDelay } from '../../lib/push/loop-delay.ts'
import type { OverloadStep } from '../../lib/push/overload-ladder.ts'
import { type BoardRow, emptyRow, mergeQuote, viewRow } from '../../lib/quote/board.ts'
import { positionOf } from '../../lib/quote/position.ts'
import { FIELD_GROUPS, type FieldGroup, type Quote } from '../../lib/quote/quote.ts'
import { type ClientBoard, ProtocolClient } from '../kit/protocol-client.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { keysOf, OPENING, RandomMarket, seededRandom } from './make-quotes.ts'
import { ManualClock } from './manual-clock.ts'
import { EPOCH, openPush, type Push } from './open-push.ts'

const KEYS = keysOf(12)
const STEPS = 250
/** Steps between two resumes, two changes of how busy the gateway is, and two restarts. */
const RESUME_EVERY = 15
const BUSY_EVERY = 35
const RESTART_EVERY = 110

/** Every update of the run, found by the board's rule and not by the gateway: which groups it changed, and whether the status. */
class Ledger {
  readonly #rows = new Map<string, BoardRow>()
  readonly #updates: { key: string; q: number; groups: FieldGroup[]; status: boolean }[] = []

  note(quotes: readonly Quote[], sequence: number): void {
    for (const [index, quote] of quotes.entries()) {
      const row = this.#rows.get(quote.key) ?? emptyRow(quote.key)
      this.#rows.set(quote.key, row)
      const before = viewRow(row)?.status
      const q = positionOf(sequence, index)
      const groups = mergeQuote(row, { quote, epoch: EPOCH, q })
      this.#updates.push({ key: quote.key, q, groups, status: groups.length > 0 && viewRow(row)?.status !== before })
    }
  }

  /** How many updates behind a position matter to someone with these fields. */
  count(key: string, after: number, fields: readonly string[] | undefined): number {
    const groups = Object.entries(FIELD_GROUPS)
      .filter(([, names]) => fields === undefined || names.some(name => fields.includes(name)))
      .map(([group]) => group)
    const matters = (update: { groups: FieldGroup[]; status: boolean }): boolean =>
      update.groups.some(group => groups.includes(group)) ||
      ((fields === undefined || fields.includes('status')) && update.status)
    return this.#updates.filter(update => update.key === key && update.q > after && matters(update)).length
  }
}

interface Sub {
  client: ProtocolClient
  sid: string
  keys: (key: string) => boolean
  fields: string[] | undefined
  isLossless: boolean
}

const SHAPES: { keys?: string[]; patterns?: string[]; fields?: string[] }[] = [
  { patterns: ['*:*:*'] },
  { patterns: ['demo:spot:*'], fields: ['last', 'bid'] },
  { keys: KEYS.slice(0, 4) },
  { keys: KEYS.slice(3, 9), fields: ['bid', 'ask', 'status'] },
  { keys: [KEYS[0]!], fields: ['volume'] }
]
const SUBPROTOCOLS = ['quotes.v1.json', 'quotes.v1.msgpack'] as const
const INTERVALS = [0, 0, 5, 20, 100]

/** Joins with a random shape and interval. */
async function join(client: ProtocolClient, random: () => number): Promise<Sub> {
  const shape = SHAPES[Math.floor(random() * SHAPES.length)]!
  const intervalMs = INTERVALS[Math.floor(random() * INTERVALS.length)]!
  const isLossless = random() < 0.2
  const rows = client.boards.size % 2 === 1
  const sid = await client.subscribe({ ...shape, intervalMs, rows, mode: isLossless ? 'all' : 'conflate' })
  const keys = shape.keys === undefined ? () => true : (key: string) => shape.keys!.includes(key)
  return { client, sid, keys, fields: shape.fields, isLossless }
}

/** Clients are judged within a few ticks, on a clock that moves with every step. */
const QUICK = { slowWindowMs: 40, slowTicks: 3, recoverMs: 150, pingMs: 1e9, slowPingMs: 1e9 }
/** So is the gateway, which has too much to do at times. */
const LADDER = { overloadReadingMs: 30, overloadReadings: 1, calmReadings: 1 }

/** An event loop that is late when it is told to be, but never so late that no clients are taken. */
class BusyLoop implements LoopDelay {
  isBusy = false
  step = (): OverloadStep => 'none'

  start(): void {}
  stop(): void {}

  readMs(): number {
    if (!this.isBusy) return 0
    return this.step() === 'stretchMore' ? DEFAULT_LIMITS.calmDelayMs : DEFAULT_LIMITS.overloadDelayMs
  }
}

async function run(t: TestContext, seed: number, clock?: ManualClock): Promise<void> {
  const random = seededRandom(seed)
  const loopDelay = new BusyLoop()
  const push = await openPush(t, {
    loopDelay,
    isKnown: key => KEYS.includes(key),
    random,
    ...(clock === undefined ? {} : { clock }),
    limits: {
      softBytes: 800,
      heartbeatMs: 20,
      messagesPerSecond: 1e6,
      messageBurst: 1e6,
      snapshotRows: 5,
      ...(clock === undefined ? {} : { ...QUICK, ...LADDER })
    }
  })
  const { counters, overload } = push.hub
  loopDelay.step = () => overload.step
  const market = new RandomMarket(KEYS, random)
  const ledger = new Ledger()
  const subs: Sub[] = []
  const clients: ProtocolClient[] = []
  /** The gateway's end of each client's connection. */
  const connections: Socket[] = []
  const stalled = new Set<number>()
  let restarts = 0
  let sequence = 0
  const feed = (): void => {
    const quotes = market.batch(1 + Math.floor(random() * 20))
    ledger.note(quotes, ++sequence)
    push.feed(quotes)
  }
  /** A client is cut off where it is, whatever is on its way, and comes back in any encoding. */
  const resume = async (): Promise<void> => {
    const at = Math.floor(random() * clients.length)
    const before = clients[at]
    if (before === undefined || before.boards.size === 0) return
    before.socket.terminate()
    await waitUntil('it is gone', () => before.closed !== null)
    feed()
    stalled.delete(at)
    const next = await ProtocolClient.resume(t, push.port, before, 'replay', SUBPROTOCOLS[Math.floor(random() * 2)])
    const { recovered, reason } = next.of('resumed')[0]!
    assert.ok(recovered === true || (restarts > 0 && reason === 'too_old'), JSON.stringify(next.of('resumed')))
    clients[at] = next
    connections[at] = push.connections.at(-1)!
    for (const sub of subs) if (sub.client === before) sub.client = next
  }

  for (let step = 0; step < STEPS; step++) {
    feed()
    clock?.advance(random() * 20)
    if (step % RESUME_EVERY === RESUME_EVERY - 1) await resume()
    if (step % BUSY_EVERY === 0) loopDelay.isBusy = !loopDelay.isBusy
    if (step % RESTART_EVERY === RESTART_EVERY - 1 && clock !== undefined) {
      // The board is loaded anew, in the middle of whatever interval.
      push.hub.pause()
      clock.advance(random() * 50)
      push.hub.restart()
      restarts++
    }
    const dice = random()
    const at = Math.floor(random() * clients.length)
    if (dice < 0.05 && clients.length < 8) {
      clients.push(await ProtocolClient.connect(t, push.port, SUBPROTOCOLS[clients.length % 2]))
      connections.push(push.connections.at(-1)!)
    } else if (dice < 0.15 && clients.length > 0 && !stalled.has(at)) {
      await settled(connections[at]!)
      // The market goes on while the request is under way.
      const joining = join(clients[at]!, random)
      feed()
      const sub = await joining
      if (!subs.some(({ client, sid }) => client === sub.client && client.sidOf(sid) === client.sidOf(sub.sid)))
        subs.push(sub)
    } else if (dice < 0.3 && clients.length > 0) {
      toggleStall(connections, stalled, at)
    } else if (dice < 0.35 && subs.length > 0) {
      const { client, sid } = subs[Math.floor(random() * subs.length)]!
      const index = clients.indexOf(client)
      if (!stalled.has(index)) {
        await settled(connections[index]!)
        await client.request({ type: 'resync', sids: [client.sidOf(sid)] })
      }
    } else if (dice < 0.7) {
      await turn()
    }
  }
  loopDelay.isBusy = false
  for (const at of [...stalled]) toggleStall(connections, stalled, at)
  await waitUntil('all clients have everything', () => {
    clock?.advance(10)
    return subs.every(({ client, sid }) => client.board(sid).q === push.hub.board.position)
  })
  if (clock !== undefined) {
    // Whoever was made slower keeps up now.
    await waitUntil('some go a step back', async () => {
      feed()
      clock.advance(20)
      await turn()
      return counters.recoveries > 0 || !subs.some(isSlower)
    })
    await waitUntil('all clients have everything', () => {
      clock.advance(10)
      return subs.every(({ client, sid }) => client.board(sid).q === push.hub.board.position)
    })
    assert.ok(counters.downgrades > 0, 'some were slow for a while')
    assert.ok(counters.overloadStepsUp > 0, 'intervals were stretched for a while')
  }

  t.diagnostic(
    `seed ${seed}: ${subs.length} subscriptions of ${clients.length} clients, ${counters.updates} updates, ${counters.rowsWritten} rows, ${counters.ticksSkipped} ticks skipped, ${counters.catchUps} catch-ups, ${counters.downgrades} times slower and ${counters.recoveries} times faster, ${counters.snapshots} snapshots, ${counters.resumesRecovered} resumes, ${restarts} restarts, ${counters.overloadStepsUp} steps of overload`
  )
  assert.ok(subs.length > 0 && counters.ticksSkipped > 0 && counters.catchUps > 0, 'the run has joins and stalls')
  assert.ok(counters.resumesRecovered > 0, 'the run has resumes')
  for (const client of clients) {
    assert.equal(client.closed, null)
    const { losses, duplicates, regressions, strays } = client
    assert.deepEqual(
      { losses, duplicates, regressions, strays },
      { losses: 0, duplicates: 0, regressions: 0, strays: 0 }
    )
  }
  for (const sub of subs) checkBoard(push, ledger, sub)
}

/** Whether a subscription is served more slowly than was asked, as far as the client has heard. */
function isSlower({ client, sid }: Sub): boolean {
  const now = client.sidOf(sid)
  return (
    client.of('downgraded').findLast(({ from, sid }) => from !== undefined && sid === now)?.reason === 'slow_client'
  )
}

/** The client's values are the gateway's, and every update since its snapshot is accounted for in some row's `n`. */
function checkBoard(push: Push, ledger: Ledger, { client, sid, keys, fields }: Sub): void {
  const board: ClientBoard = client.board(sid)
  const answer = JSON.parse(
    answerLatest(push.hub.board, { keys: null, fields: (fields as never) ?? null, limit: 100 })
  ) as { data: { key: string }[] }
  const expected = answer.data.filter(({ key }) => keys(key)).map(row => ({ ...row, q: 0 }))
  const held = [...board.rows.values()].map(({ p: _p, n: _n, ...row }) => ({ ...row, q: 0 }))
  const byKey = (a: { key: string }, b: { key: string }): number => (a.key < b.key ? -1 : 1)
  assert.deepEqual(held.sort(byKey), expected.sort(byKey))
  for (const key of KEYS.filter(keys))
    assert.equal(board.merged.get(key) ?? 0, ledger.count(key, board.from, fields), `updates of ${key} for ${fields}`)
}

/** A corked connection takes nothing: the client is as slow as one whose buffers are full. */
function toggleStall(connections: readonly Socket[], stalled: Set<number>, at: number): void {
  if (stalled.delete(at)) {
    connections[at]!.uncork()
  } else {
    stalled.add(at)
    connections[at]!.cork()
  }
}

/** Waits until a client that was stalled may make requests again. */
async function settled(connection: Socket): Promise<void> {
  await waitUntil('the connection has drained', () => connection.writableLength === 0)
}

for (const seed of [1, 2, 3, 4, 6, 7]) {
  test(`clients that join, stall, resync and resume see no loss and no duplicate in any format, and end with the gateway's board (seed ${seed})`, t =>
    run(t, seed))
  test(`so do clients that are made slower and recover, and nothing is missing at the change (seed ${seed})`, t =>
    run(t, seed, new ManualClock(OPENING)))
}
