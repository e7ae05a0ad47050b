import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type FetchDue, PRESSURE_REPEAT_MS } from '../../lib/quote/events.ts'
import type { Job } from '../../lib/schedule/job.ts'
import { Scheduler } from '../../lib/schedule/scheduler.ts'
import type { SlotCounts } from '../../lib/schedule/slot-ledger.ts'
import { nextSlot } from '../../lib/schedule/slots.ts'
import { FakeClock } from './fake-clock.ts'

const SECOND = 1_000_000

function job(name: string, intervalMs = 1_000, keys: string[] = []): Job {
  return { name, source: 'venue', watchlist: 'all', channel: 'price', keys, intervalMs }
}

/** A scheduler whose ticks are collected and, if asked for, answered at once. */
function setUp(jobs: Job[], { answer = false, clock = new FakeClock() } = {}) {
  const sent: FetchDue[] = []
  const scheduler = new Scheduler({
    clock,
    jobs,
    send: async due => {
      sent.push(due)
      if (answer) scheduler.done({ job: due.job, slot: due.slot, outcome: 'done', reason: null })
    }
  })
  return { clock, scheduler, sent }
}

function assertBalanced(counts: SlotCounts): void {
  const { due, done, late, failed, skipped, missed, pending } = counts
  assert.equal(due, done + late + failed + skipped + missed + pending)
}

test('over an hour every slot is due once, exactly an interval after the last, although timers fire early', () => {
  const { clock, scheduler, sent } = setUp([job('a'), job('b', 7_000)], { answer: true })
  clock.earlyMs = 1.4
  scheduler.start()
  clock.advance(3_600_000)
  for (const [name, interval, least] of [
    ['a', SECOND, 3_600],
    ['b', 7 * SECOND, 514]
  ] as const) {
    // A slower job fires once at the start, outside its slots.
    const slots = sent.filter(due => due.job === name).map(({ slot }) => slot)
    const aligned = slots.filter(slot => slot === nextSlot(job(name, interval / 1_000), slot))
    assert.ok(aligned.length >= least && slots.length - aligned.length <= 1, `${name}: ${aligned.length} slots`)
    for (const [i, slot] of aligned.entries()) assert.equal(slot, aligned[0]! + i * interval)
  }
  const { slots } = scheduler.stats()
  assertBalanced(slots)
  assert.equal(slots.done, slots.due)
  assert.equal(scheduler.stats().clockJumps, 0)
})

test('jobs are spread over their interval, each always at its own place', () => {
  const places = Array.from({ length: 100 }, (_, i) => nextSlot(job(`venue/list-${i}/price`), 0))
  const quarters = Map.groupBy(places, place => Math.floor(place / (SECOND / 4)))
  assert.equal(quarters.size, 4)
  for (const [quarter, { length }] of quarters) assert.ok(length > 10 && length < 45, `quarter ${quarter}: ${length}`)
  assert.deepEqual(
    places,
    Array.from({ length: 100 }, (_, i) => nextSlot(job(`venue/list-${i}/price`), 0))
  )
})

test('whenever it starts, every job fires within half a second, and can still begin for as long', () => {
  const jobs = [job('a'), job('b'), job('c', 250), job('slow', 3_600_000), job('slower', 86_400_000)]
  for (let offsetMs = 0; offsetMs < 1_000; offsetMs += 50) {
    const { clock, scheduler, sent } = setUp(jobs, { clock: new FakeClock(1_700_000_000_000 + offsetMs), answer: true })
    const start = clock.now()
    scheduler.start()
    clock.advance(500)
    assert.deepEqual([...new Set(sent.map(due => due.job))].sort(), jobs.map(({ name }) => name).sort())
    for (const { deadline } of sent) assert.ok(deadline - start >= SECOND / 2)
  }
})

test('a stall misses the slots that went by whole and counts each of them', () => {
  const { clock, scheduler, sent } = setUp([job('a')], { answer: true })
  scheduler.start()
  clock.advance(10_000)
  const before = scheduler.stats().slots
  const last = sent.at(-1)!.slot
  clock.stall(5_000)
  const { slots } = scheduler.stats()
  assert.equal(sent.at(-1)!.slot, last + 5 * SECOND, 'the current slot is fired')
  assert.deepEqual([slots.missed, slots.due - before.due], [4, 5])
  assertBalanced(slots)
  assert.deepEqual(scheduler.jobs()[0]?.reasons, { 'missed(stalled)': 4 })
})

test('a wall clock that jumps ahead is noticed within a second, its slots are counted, none is fired twice', () => {
  const { clock, scheduler, sent } = setUp([job('a')], { answer: true })
  scheduler.start()
  clock.advance(10_000)
  clock.jump(3_600_000)
  clock.advance(10_000)
  const { slots, clockJumps } = scheduler.stats()
  assert.equal(clockJumps, 1)
  assert.ok(Math.abs(slots.missed - 3_600) <= 1, `${slots.missed} missed`)
  assert.equal(new Set(sent.map(({ slot }) => slot)).size, sent.length)
  assert.ok(sent.length >= 20)
  assertBalanced(slots)
})

test('a wall clock set back a little repeats no slot; set back far, slots follow it at once', () => {
  const little = setUp([job('a')], { answer: true })
  little.scheduler.start()
  little.clock.advance(10_000)
  little.clock.jump(-30_000)
  little.clock.advance(40_000)
  assert.equal(new Set(little.sent.map(({ slot }) => slot)).size, little.sent.length)
  assert.equal(little.scheduler.stats().clockJumps, 1)

  const far = setUp([job('a')], { answer: true })
  far.scheduler.start()
  far.clock.advance(10_000)
  const count = far.sent.length
  far.clock.jump(-3_600_000)
  far.clock.advance(10_000)
  assert.ok(far.sent.length >= count + 9, `${far.sent.length - count} slots in 10 s`)
  assert.ok(far.sent.at(-1)!.slot <= far.clock.now())
  assertBalanced(far.scheduler.stats().slots)
})

test('one slow second loses no slot: a fetch of 2.9 s overlaps with the next ones', () => {
  const { clock, scheduler, sent } = setUp([job('a')])
  scheduler.start()
  clock.advance(2_900)
  for (const { slot } of sent) scheduler.done({ job: 'a', slot, outcome: 'done', reason: null })
  const { slots } = scheduler.stats()
  assert.deepEqual([slots.skipped, slots.missed, slots.done], [0, 0, sent.length])
  assert.ok(sent.length >= 3)
})

test('a job faster than its fetches skips the slots that would only queue, with the reason', () => {
  const { clock, scheduler, sent } = setUp([job('fast', 200)])
  scheduler.start()
  clock.advance(900)
  assert.equal(sent.length, 1)
  scheduler.done({ job: 'fast', slot: sent[0]!.slot, outcome: 'done', reason: null })
  clock.advance(200)
  assert.equal(sent.length, 2)
  const report = scheduler.jobs()[0]!
  assert.ok(report.skipped >= 3)
  assert.deepEqual(report.reasons, { 'skipped(overlap)': report.skipped })
  assertBalanced(report)
})

test('a slot that nobody reports is missed 4 s after it was due, so that open slots stay few', () => {
  const { clock, scheduler, sent } = setUp([job('a')])
  scheduler.start()
  clock.advance(60_000)
  const { slots } = scheduler.stats()
  assert.ok(slots.pending <= 5, `${slots.pending} pending`)
  assert.equal(slots.missed + slots.pending, sent.length)
  assertBalanced(slots)
  const { slot } = sent[0]!
  scheduler.done({ job: 'a', slot, outcome: 'done', reason: null })
  assert.equal(scheduler.stats().unexpected, 1, 'a report that comes too late changes no count')
  assert.deepEqual(scheduler.stats().slots, slots)
})

test('every outcome is counted with its reason, a repeated report once', async () => {
  const clock = new FakeClock()
  const sent: FetchDue[] = []
  const scheduler = new Scheduler({
    clock,
    jobs: [job('a')],
    send: due => {
      sent.push(due)
      return sent.length === 4 ? Promise.reject(new Error('no stream')) : Promise.resolve()
    }
  })
  scheduler.start()
  clock.advance(3_400)
  await new Promise(setImmediate)
  const ends = [
    { outcome: 'done', reason: null },
    { outcome: 'late', reason: null },
    { outcome: 'failed', reason: 'deadline' }
  ] as const
  for (const [i, end] of ends.entries()) {
    for (let times = 0; times < 2; times++) scheduler.done({ job: 'a', slot: sent[i]!.slot, ...end })
  }
  const { done, late, failed, reasons, recent, ...rest } = scheduler.jobs()[0]!
  assert.deepEqual([done, late, failed], [1, 1, 2])
  assert.deepEqual(reasons, { 'failed(publish)': 1, 'failed(deadline)': 1 })
  assert.deepEqual(recent.map(({ outcome }) => outcome).sort(), ['done', 'failed', 'failed', 'late'])
  assert.equal(scheduler.stats().unexpected, 3)
  assertBalanced({ done, late, failed, ...rest })
})

test('a paused job is not due; resumed it goes on with its next slot; run now works all the while', () => {
  const { clock, scheduler, sent } = setUp([job('a'), job('b')], { answer: true })
  scheduler.start()
  clock.advance(3_000)
  assert.equal(scheduler.pause('a'), true)
  assert.equal(scheduler.pause('none'), false)
  const count = () => sent.filter(due => due.job === 'a').length
  const before = count()
  clock.advance(3_000)
  assert.equal(count(), before)
  assert.equal(scheduler.run('a'), clock.now())
  assert.equal(scheduler.run('none'), undefined)
  assert.equal(count(), before + 1)
  scheduler.resume('a')
  clock.advance(3_000)
  assert.equal(count(), before + 4)
  assert.equal(scheduler.stats().slots.missed, 0)
})

test('a wanted key is fetched by its first job, once a second for each key and ten times for all', () => {
  const keys = Array.from({ length: 20 }, (_, i) => `venue:spot:K${i}`)
  const { clock, scheduler, sent } = setUp([job('first', 3_600_000, keys), job('second', 3_600_000, keys)])
  assert.equal(scheduler.want('venue:spot:K0'), true)
  assert.equal(scheduler.want('venue:spot:K0'), false)
  assert.equal(scheduler.want('venue:spot:OTHER'), false)
  for (const key of keys) scheduler.want(key)
  assert.equal(sent.length, 10)
  assert.deepEqual(sent[0]?.request, { channel: 'price', keys: ['venue:spot:K0'] })
  clock.advance(1_000)
  assert.equal(scheduler.want('venue:spot:K0'), true)
  scheduler.done({ job: sent[0]!.job, slot: sent[0]!.slot, outcome: 'done', reason: null })
  const { wanted } = scheduler.stats()
  assert.deepEqual(wanted, { asked: 24, sent: 11, ended: 1, limited: 12, unknown: 1, failed: 0 })
  assert.equal(scheduler.stats().slots.due, 0)
})

test('two schedulers send the same slots, so that the stream can drop the second of each', () => {
  const jobs = [job('a'), job('b')]
  const [one, two] = [setUp(jobs), setUp(jobs, { clock: new FakeClock(1_700_000_003_217) })]
  for (const { clock, scheduler } of [one, two]) {
    scheduler.start()
    clock.advance(1_700_000_010_000 - clock.now() / 1_000)
  }
  const seen = new Set(one.sent.map(due => `${due.job}@${due.slot}`))
  for (const due of two.sent) assert.ok(seen.has(`${due.job}@${due.slot}`))
  assert.ok(two.sent.length >= 12)
})

test('after stop nothing is due, and no timer waits', () => {
  const { clock, scheduler, sent } = setUp([job('a')])
  scheduler.start()
  scheduler.start()
  clock.advance(2_000)
  scheduler.stop()
  scheduler.stop()
  const count = sent.length
  clock.advance(10_000)
  assert.equal(sent.length, count)
  assert.equal(clock.waiting, 0)
})

test('while a group is far behind only every fourth slot is fetched, the others are accounted for, and it ends by itself', () => {
  const { clock, scheduler, sent } = setUp([job('a')], { answer: true })
  scheduler.start()
  const fetched = (seconds: number) => {
    const before = sent.length
    clock.advance(seconds * 1_000)
    return sent.length - before
  }
  assert.equal(fetched(8), 8)
  scheduler.press({ stream: 'quotes', group: 'latest', lag: 3_000, level: 'warn' })
  assert.equal(scheduler.stats().stretch, 2)
  assert.equal(fetched(8), 4)
  scheduler.press({ stream: 'quotes', group: 'storage', lag: 30_000, level: 'high' })
  assert.equal(fetched(8), 2)
  assert.ok(
    sent.slice(-2).every(({ slot }) => Math.floor(slot / SECOND) % 4 === 0),
    'slots stay aligned'
  )
  scheduler.press({ stream: 'quotes', group: 'storage', lag: 0, level: 'none' })
  scheduler.press({ stream: 'quotes', group: 'latest', lag: 3_000, level: 'warn' })
  assert.equal(fetched(8), 4)
  clock.advance(3 * PRESSURE_REPEAT_MS)
  assert.equal(scheduler.stats().stretch, 1, 'nobody told it again')
  assert.equal(fetched(8), 8)
  const [report] = scheduler.jobs()
  assert.ok((report?.reasons['skipped(pressure)'] ?? 0) >= 14)
  assertBalanced(scheduler.stats().slots)
})
