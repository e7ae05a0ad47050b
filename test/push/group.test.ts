import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePattern } from '../../lib/instruments/key-pattern.ts'
import { BoardTable } from '../../lib/push/board-table.ts'
import { FieldSet, type TouchMask } from '../../lib/push/field-set.ts'
import { Group } from '../../lib/push/group.ts'
import type { Member, Outlet } from '../../lib/push/member.ts'
import { zeroCounters } from '../../lib/push/push-counters.ts'
import { ReplayRing } from '../../lib/push/replay-ring.ts'
import type { Mode } from '../../lib/push/signature.ts'
import { payloadOf } from '../../lib/push/websocket-frame.ts'
import { keysOf, makeQuote, RandomMarket, seededRandom } from './make-quotes.ts'

const KEYS = keysOf(8)
const STEPS = 1_000
/** Steps between two changes of epoch. */
const RESTART_EVERY = 400

/** Every update since the positions began, as the board reports it. */
class Ledger {
  #updates: { key: string; q: number; touched: TouchMask }[] = []

  note(key: string, q: number, touched: TouchMask): void {
    this.#updates.push({ key, q, touched })
  }

  restart(): void {
    this.#updates = []
  }

  /** Updates of a key behind `after`, up to `upTo`, that matter to a mask. */
  between(key: string, after: number, upTo: number, mask: TouchMask): number {
    return this.#updates.filter(
      update => update.key === key && update.q > after && update.q <= upTo && (update.touched & mask) !== 0
    ).length
  }
}

/** A client that checks each row against the ledger: what it follows, and how many updates it stands for. */
class Reader implements Outlet {
  isOpen = true
  isStalled = false
  isOverloaded = false
  skippedTicks = 0
  readonly have = new Map<string, number>()
  rows = 0
  safe = 0
  readonly #ledger: Ledger
  readonly #mask: TouchMask

  constructor(ledger: Ledger, mask: TouchMask) {
    this.#ledger = ledger
    this.#mask = mask
  }

  hasRoom(): boolean {
    return !this.isStalled
  }

  send(): void {}

  closeSlow(): void {
    assert.fail('nobody is overloaded')
  }

  write(frame: Buffer): void {
    const { type, q, data } = JSON.parse(payloadOf(frame).toString()) as {
      type: string
      q: number
      data: { key: string; q: number; p: number; n: number }[]
    }
    if (type === 'snapshot') this.have.clear()
    else assert.ok(q >= this.safe, 'the position of a frame falls')
    this.safe = q
    for (const row of data) {
      if (type === 'quotes') this.#check(row)
      this.have.set(row.key, row.q)
    }
  }

  #check({ key, q, p, n }: { key: string; q: number; p: number; n: number }): void {
    const have = this.have.get(key) ?? 0
    this.rows++
    assert.ok(p <= have && have < q, `${key}: ${p} <= ${have} < ${q}`)
    assert.equal(n, this.#ledger.between(key, p, q, this.#mask), `updates of ${key} behind ${p} up to ${q}`)
    assert.equal(this.#ledger.between(key, p, have, this.#mask), 0, `${key}: an update up to ${have} is counted twice`)
  }
}

function run(seed: number, mode: Mode, intervalMs: number, ringSize: number): void {
  const random = seededRandom(seed)
  const counters = zeroCounters()
  const board = new BoardTable(counters)
  const ring = new ReplayRing(ringSize)
  const ledger = new Ledger()
  board.onUpdate = (entry, touched) => {
    ring.add(entry, touched)
    ledger.note(entry.key, entry.q, touched)
  }
  const fields = new FieldSet(seed % 2 === 0 ? ['last'] : ['bid', 'status'])
  const patterns = seed % 3 === 0 ? [parsePattern('demo:*:*')!] : []
  const keys = patterns.length > 0 ? [] : KEYS.slice(0, 5)
  const due: Group[] = []
  const context = { board, counters, snapshotRows: KEYS.length, ring, nowMicros: () => 0 }
  const deferred: (() => void)[] = []
  const defer = (work: () => void) => void deferred.push(work)
  const schedule = (group: Group) => void due.push(group)
  const signature = { keys, patterns, fields: fields.fields, intervalMs, mode, rows: false, encoding: 'json' as const }
  board.restart('E1', 0)
  board.isLive = true
  ring.restart(0)
  const group = new Group('sid', signature, fields, { ...context, defer, schedule })
  board.onEntry = entry => group.offer(entry)
  const market = new RandomMarket(KEYS, random)
  const members: { reader: Reader; member: Member }[] = []
  let rows = 0
  let epoch = 1

  const tick = (): void => {
    for (const one of due.splice(0)) one.flush()
  }
  const restart = (): void => {
    board.isLive = false
    board.restart(`E${++epoch}`, 0)
    ledger.restart()
    // Some updates come before the board is served again.
    feed()
    board.isLive = true
    ledger.restart()
    ring.restart(board.position)
    due.length = 0
    for (const { reader } of members) reader.have.clear()
    group.restart()
  }
  const feed = (): void => {
    for (const quote of market.batch(1 + Math.floor(random() * 4)))
      board.apply({ quote, epoch: board.epoch, q: ++board.position })
  }
  const actions: [number, () => void][] = [
    [0.05, () => join()],
    [0.05, () => leave()],
    [0.15, () => toggle()],
    [0.3, () => tick()]
  ]
  const join = (): void => {
    if (members.length >= 6) return
    const reader = new Reader(ledger, fields.mask)
    const member = group.join(reader)
    members.push({ reader, member })
    member.restart()
  }
  const leave = (): void => {
    if (members.length < 2) return
    for (const { reader, member } of members.splice(Math.floor(random() * members.length), 1)) {
      rows += reader.rows
      group.leave(member)
    }
  }
  const toggle = (): void => {
    const one = members[Math.floor(random() * members.length)]
    if (one === undefined || mode === 'all') return
    one.reader.isStalled = !one.reader.isStalled
    if (!one.reader.isStalled) one.member.catchUp()
  }

  join()
  for (let step = 0; step < STEPS; step++) {
    feed()
    for (const [chance, act] of actions) if (random() < chance) act()
    if (step % RESTART_EVERY === RESTART_EVERY - 1) restart()
    for (const work of deferred.splice(0)) work()
    for (const { reader, member } of members) {
      if (reader.isStalled || member.isBehind) continue
      const safe = member.safePosition
      assert.ok(safe <= board.position)
      for (const key of KEYS.filter(key => reader.have.has(key)))
        assert.equal(ledger.between(key, reader.have.get(key)!, safe, fields.mask), 0, `unsent of ${key} up to ${safe}`)
    }
  }
  for (const { reader } of members) reader.isStalled = false
  tick()
  for (const { reader, member } of members) {
    member.catchUp()
    rows += reader.rows
    for (const key of keys.length > 0 ? keys : KEYS)
      assert.equal(ledger.between(key, reader.have.get(key) ?? 0, board.position, fields.mask), 0)
    assert.equal(member.safePosition, board.position)
  }
  assert.ok(rows > 100, `the run has rows, got ${rows}`)
  if (mode === 'conflate') assert.ok(counters.updatesConflated > 0 && counters.catchUps > 0)
}

for (const [mode, intervalMs] of [
  ['conflate', 1_000],
  ['conflate', 0],
  ['all', 0],
  ['all', 1_000]
] as const) {
  // With a small ring, what has happened is mostly found at the instruments; with a large one mostly in the ring.
  for (const ringSize of [3, 1_000]) {
    test(`each row of mode ${mode} at ${intervalMs} ms follows the one before it and counts every update between, with ${ringSize} updates kept`, () => {
      for (let seed = 1; seed <= 4; seed++) run(seed, mode, intervalMs, ringSize)
    })
  }
}

test('a client that was left out of ticks and goes on from a position gets each update once', () => {
  const counters = zeroCounters()
  const board = new BoardTable(counters)
  const ring = new ReplayRing(100)
  const ledger = new Ledger()
  board.onUpdate = (entry, touched) => {
    ring.add(entry, touched)
    ledger.note(entry.key, entry.q, touched)
  }
  board.restart('E1', 0)
  board.isLive = true
  ring.restart(0)
  const fields = new FieldSet(['last'])
  const mode = 'conflate' as const
  const signature = {
    keys: KEYS,
    patterns: [],
    fields: fields.fields,
    intervalMs: 0,
    mode,
    rows: false,
    encoding: 'json' as const
  }
  const nothing = (): void => {}
  const context = { board, counters, snapshotRows: 10, ring, nowMicros: () => 0, defer: nothing, schedule: nothing }
  const group = new Group('sid', signature, fields, context)
  const reader = new Reader(ledger, fields.mask)
  const member = group.join(reader)
  const update = (): void => {
    for (const key of KEYS) {
      const at = ++board.position
      board.apply({ quote: makeQuote(key, at, { last: String(at) }), epoch: 'E1', q: at })
    }
  }
  update()
  group.flush()
  const from = board.position
  reader.isStalled = true
  update()
  group.flush()
  assert.equal(member.isBehind, true)
  // There is room again, but nobody has noticed when the client asks to go on.
  reader.isStalled = false
  member.resume(group.missedSince(from) ?? [])
  assert.equal(member.isBehind, false)
  update()
  group.flush()
  member.catchUp()
  assert.equal(reader.rows, 3 * KEYS.length)
})
