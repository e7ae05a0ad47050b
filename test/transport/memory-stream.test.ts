import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nextOf, sequenceBefore } from '../../lib/transport/memory-read.ts'
import { MemoryStream } from '../../lib/transport/memory-stream.ts'
import { newTransportCounters } from '../../lib/transport/transport-counters.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { range, thingStreams } from './things.ts'

const [things] = thingStreams

function makeStream({ maxBytes = 1_000, publishDeadlineMs = 60_000 } = {}) {
  const counters = newTransportCounters()
  const clock = { now: 0, wall: 1_000 }
  const stream = new MemoryStream({
    spec: things!,
    epoch: 'e',
    maxBytes,
    publishDeadlineMs,
    counters,
    now: () => clock.now,
    wallNow: () => clock.wall
  })
  const [first, second] = stream.durable
  return { stream, counters, clock, first: first!, second: second! }
}

const bytes = (count: number) => Buffer.alloc(count)

test('what every durable group has acknowledged is let go, in whatever order they acknowledge', () => {
  const { stream, first, second } = makeStream()
  for (const _ of range(0, 4)) stream.append('thing.happened', bytes(100))
  for (const cursor of [first, second]) for (const _ of range(0, 4)) cursor.take()
  for (const sequence of [2, 1, 4]) first.ack(sequence)
  assert.equal(first.ackFloor, 2)
  assert.equal(stream.state().bytes, 400)
  for (const sequence of range(1, 5)) second.ack(sequence)
  assert.deepEqual([stream.firstSequence, stream.state().bytes], [3, 200])
  first.ack(3)
  assert.deepEqual([stream.firstSequence, stream.lastSequence, stream.state().bytes], [5, 4, 0])
})

test('a publisher that waits for room is let in when a group acknowledges, first come, first served', async () => {
  const { stream, first, second } = makeStream({ maxBytes: 200 })
  stream.append('thing.happened', bytes(100))
  stream.append('thing.happened', bytes(100))
  const order: string[] = []
  const waiting = ['a', 'b'].map(async name => {
    await stream.append('thing.happened', bytes(100))
    order.push(name)
  })
  for (const cursor of [first, second]) {
    cursor.take()
    cursor.ack(1)
  }
  await waiting[0]
  assert.deepEqual(order, ['a'])
  for (const cursor of [first, second]) {
    cursor.take()
    cursor.ack(2)
  }
  await waiting[1]
  assert.deepEqual(order, ['a', 'b'])
  assert.equal(stream.lastSequence, 4)
})

test('publishers may not wait with more than the stream itself may hold', async () => {
  const { stream } = makeStream({ maxBytes: 200 })
  stream.append('thing.happened', bytes(200))
  const waiting = stream.append('thing.happened', bytes(150))
  assert.throws(() => stream.append('thing.happened', bytes(100)), { code: 'stream_full' })
  stream.close()
  await assert.rejects(Promise.resolve(waiting), { code: 'stopping' })
})

test('a reader outside the table keeps nobody waiting: it loses what there is no room for, counted', () => {
  const { stream, counters, first, second } = makeStream({ maxBytes: 300 })
  const reader = stream.openReader('gateway@a')
  for (const sequence of range(1, 11)) {
    assert.equal(stream.append('thing.happened', bytes(100)), true)
    for (const cursor of [first, second]) {
      cursor.take()
      cursor.ack(sequence)
    }
  }
  assert.equal(stream.state().bytes, 300, 'what fits is kept for the reader')
  assert.equal(reader.take()?.sequence, 8)
  assert.equal(counters.missed, 7)
})

test('an event of maximal age goes, and is counted unless every durable group has acknowledged it', () => {
  const { stream, counters, clock, first, second } = makeStream()
  stream.append('thing.happened', bytes(100))
  stream.append('thing.happened', bytes(100))
  for (const cursor of [first, second]) cursor.take()
  first.ack(1)
  second.ack(1)
  clock.now = 60_001
  stream.append('thing.happened', bytes(100))
  assert.equal(stream.firstSequence, 3)
  assert.equal(counters.expired, 1)
  assert.equal(first.take()?.sequence, 3)
})

test('a message id may come again after its window', () => {
  const { stream, clock } = makeStream()
  assert.equal(stream.append('thing.happened', bytes(1), 'id'), true)
  clock.now = 29_999
  assert.equal(stream.append('thing.happened', bytes(1), 'id'), false)
  clock.now = 30_001
  assert.equal(stream.append('thing.happened', bytes(1), 'id'), true)
})

test('a group takes no more than it may leave unacknowledged, and what it gave back comes first', async () => {
  const { stream, first } = makeStream({ maxBytes: 100_000 })
  for (const _ of range(0, 70)) stream.append('thing.happened', bytes(1))
  const taken = range(0, 70).map(() => first.take()?.sequence)
  assert.deepEqual(taken, [...range(1, 65), ...Array(6).fill(undefined)])
  let ready = 0
  first.onReady = () => ready++
  first.nak(3, 1)
  await waitUntil('it may be taken again', () => ready === 1)
  assert.deepEqual({ sequence: 3, count: 2 }, (({ sequence, count }) => ({ sequence, count }))(first.take()!))
  assert.equal(first.state().redelivered, 1)
})

test('a purge of all that waits for another try lets the group go on with what follows', async () => {
  const { stream, first, second } = makeStream({ maxBytes: 100_000 })
  for (const _ of range(0, 70)) stream.append('thing.happened', bytes(1))
  for (const _ of range(0, 64)) first.nak(first.take()!.sequence, 60_000)
  assert.equal(first.take(), undefined, 'it holds what it may')
  let ready = 0
  first.onReady = () => ready++
  assert.equal(stream.purge(64), 64)
  assert.equal(ready, 1)
  assert.equal(first.take()?.sequence, 65)
  assert.equal(second.take()?.sequence, 65)
})

test('a place in time is found also when the clock was set back meanwhile', () => {
  const { stream, clock } = makeStream()
  for (const wall of [1_000, 2_000, 500, 600, 3_000]) {
    clock.wall = wall
    stream.append('thing.happened', bytes(1))
  }
  assert.deepEqual(
    [0, 1_000, 1_001, 2_000, 2_001, 3_000, 3_001].map(time => sequenceBefore(stream, time)),
    [0, 0, 1, 1, 4, 4, 5]
  )
  stream.purge(2)
  assert.deepEqual([sequenceBefore(stream, 0), sequenceBefore(stream, 9_000)], [2, 5])
  assert.deepEqual(
    [0, 2, 4, 5].map(after => nextOf(stream, after)?.sequence),
    [3, 3, 5, undefined]
  )
  assert.equal(nextOf(stream, 0)?.epoch, 'e')
})
