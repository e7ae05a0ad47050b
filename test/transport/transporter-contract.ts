import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Context } from 'moleculer'
import { streamControlOf } from '../../lib/transport/stream-control.ts'
import type { TransporterSetting } from '../../lib/transport/transporter-setting.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { ascending, happen, listener, makeNode, range } from './things.ts'

/** What every transporter of durable events promises, whatever carries them. */
export function testTransporter(name: string, open: (t: TestContext) => Promise<TransporterSetting>): void {
  test(`${name}: a call gets its reply, with parameters and errors`, async t => {
    const node = await makeNode(t, await open(t), [
      {
        name: 'math',
        actions: {
          double: (ctx: Context<{ x: number }>) => ctx.params.x * 2,
          fail() {
            throw new RangeError('no such number')
          }
        }
      }
    ])
    await node.start()
    assert.equal(await node.call('math.double', { x: 21 }), 42)
    await assert.rejects(node.call('math.fail'), { name: 'RangeError', message: 'no such number' })
  })

  test(`${name}: a broadcast reaches every listening service once, a plain event every group once`, async t => {
    const heard: string[] = []
    const hearing = (service: string, group?: string) => ({
      name: service,
      events: {
        'note.sent': { group, handler: () => void heard.push(`${service} note`) },
        'note.grouped': { group, handler: () => void heard.push(`${service} grouped`) }
      }
    })
    const node = await makeNode(t, await open(t), [
      hearing('one'),
      hearing('two', 'shared'),
      hearing('three', 'shared')
    ])
    await node.start()
    await node.broadcast('note.sent', {})
    await waitUntil('three services heard the broadcast', () => heard.length >= 3)
    assert.deepEqual([...heard].sort(), ['one note', 'three note', 'two note'])
    heard.length = 0
    await node.emit('note.grouped', {})
    await node.call('$node.list')
    await waitUntil('both groups heard the event', () => heard.length >= 2)
    assert.equal(heard.length, 2)
    assert.ok(heard.includes('one grouped'))
  })

  test(`${name}: an event is stored once and delivered to every durable group and every other group, at equal ascending positions`, async t => {
    const groups = ['first', 'second', 'gateway@a', 'gateway@b'].map(group => listener(group))
    const node = await makeNode(
      t,
      await open(t),
      groups.map(({ schema }) => schema)
    )
    await node.start()
    for (const n of range(0, 50)) await happen(node, n)
    for (const group of groups) await waitUntil('the group has all events', () => group.seen.length >= 50)
    const { streams, counters } = streamControlOf(node)
    const [things] = await streams()
    assert.equal(things?.lastSequence, 50)
    assert.equal(counters().published, 50)
    for (const { seen, numbers } of groups) {
      assert.deepEqual(ascending(numbers()), range(0, 50))
      for (const { n, epoch, sequence, count } of seen) {
        assert.deepEqual({ epoch, sequence, count }, { epoch: things?.epoch, sequence: n + 1, count: 1 })
      }
    }
    for (const reader of groups.slice(2)) assert.deepEqual(reader.numbers(), range(0, 50), 'a reader is in order')
  })

  test(`${name}: $stream.consuming comes before the first event, with the epoch and the place`, async t => {
    const groups = ['first', 'gateway@a'].map(group => listener(group))
    const node = await makeNode(
      t,
      await open(t),
      groups.map(({ schema }) => schema)
    )
    await node.start()
    await happen(node, 1)
    for (const { seen, log, consuming } of groups) {
      await waitUntil('the event came', () => seen.length === 1)
      assert.deepEqual(log, ['consuming', 'event'])
      assert.equal(consuming[0]?.epoch, seen[0]?.epoch)
      assert.equal(consuming[0]?.after, 0)
      assert.equal(consuming[0]?.event, 'thing.happened')
    }
  })

  test(`${name}: events emitted while nobody listens are kept until the service appears`, async t => {
    const node = await makeNode(t, await open(t), [])
    await node.start()
    for (const n of range(0, 20)) await happen(node, n)
    const late = listener('first')
    node.createService(late.schema)
    await waitUntil('the late service has all events', () => late.seen.length >= 20)
    assert.deepEqual(ascending(late.numbers()), range(0, 20))
  })

  test(`${name}: what a group has no handler for is not acknowledged`, async t => {
    const second = listener('second')
    const node = await makeNode(t, await open(t), [second.schema])
    await node.start()
    for (const n of range(0, 10)) await happen(node, n)
    const groups = async () => (await streamControlOf(node).streams())[0]?.groups ?? []
    await waitUntil('the listening group is done', async () => (await groups())[1]?.ackFloor === 10)
    assert.deepEqual(
      (await groups()).map(({ group, ackFloor, pending }) => ({ group, ackFloor, pending })),
      [
        { group: 'first', ackFloor: 0, pending: 10 },
        { group: 'second', ackFloor: 10, pending: 0 }
      ]
    )
  })

  test(`${name}: a failed event comes again until its handler succeeds`, async t => {
    const first = listener('first', (_n, count) => {
      if (count < 3) throw new Error('not yet')
    })
    const node = await makeNode(t, await open(t), [first.schema])
    await node.start()
    await happen(node, 7)
    await waitUntil('three deliveries', () => first.seen.length >= 3)
    assert.deepEqual(
      first.seen.map(({ n, count }) => ({ n, count })),
      [1, 2, 3].map(count => ({ n: 7, count }))
    )
    const groups = async () => (await streamControlOf(node).streams())[0]?.groups[0]
    await waitUntil('it is acknowledged', async () => (await groups())?.ackFloor === 1)
    assert.equal((await streamControlOf(node).deadLetters.page(0, 10)).count, 0)
  })

  test(`${name}: an event that fails at every delivery goes to the dead letters, and the others pass`, async t => {
    const first = listener('first', n => {
      if (n === 3) throw new Error('cannot take three')
    })
    const node = await makeNode(t, await open(t), [first.schema])
    await node.start()
    for (const n of range(0, 6)) await happen(node, n)
    const control = streamControlOf(node)
    await waitUntil('the group is done', async () => (await control.streams())[0]?.groups[0]?.ackFloor === 6)
    const { count, letters } = await control.deadLetters.page(0, 10)
    assert.equal(count, 1)
    const [letter] = letters
    assert.deepEqual(
      { ...letter, time: 0, bytes: 0, epoch: '' },
      {
        number: 1,
        stream: 'things',
        group: 'first',
        event: 'thing.happened',
        reason: 'failed',
        error: 'cannot take three',
        deliveries: 3,
        epoch: '',
        sequence: 4,
        node: node.nodeID,
        time: 0,
        bytes: 0
      }
    )
    assert.equal(first.numbers().filter(n => n === 3).length, 3)
    assert.deepEqual(await control.deadLetters.page(1, 10), { count: 1, letters: [] })
  })

  test(`${name}: an event whose payload fails the handler's schema goes to the dead letters at once`, async t => {
    const first = listener('first')
    const node = await makeNode(t, await open(t), [first.schema])
    await node.start()
    await happen(node, 'poison')
    await happen(node, 2)
    const control = streamControlOf(node)
    await waitUntil('both are settled', async () => (await control.streams())[0]?.groups[0]?.ackFloor === 2)
    const { letters } = await control.deadLetters.page(0, 10)
    assert.deepEqual(
      letters.map(({ reason, deliveries, sequence }) => ({ reason, deliveries, sequence })),
      [{ reason: 'invalid', deliveries: 1, sequence: 1 }]
    )
    assert.deepEqual(first.numbers(), [2])
  })

  test(`${name}: one error of its own after a long wait for a resource does not give an event up`, async t => {
    let fault: 'away' | 'own' | undefined = 'away'
    const first = listener('first', () => {
      const retryable = fault === 'away'
      if (fault === 'own') fault = undefined
      else if (!retryable) return
      throw Object.assign(new Error('cannot take it'), { retryable })
    })
    const node = await makeNode(t, await open(t), [first.schema])
    await node.start()
    await happen(node, 1)
    await waitUntil('more deliveries than maxDeliver', () => first.seen.length > 5)
    fault = 'own'
    const control = streamControlOf(node)
    await waitUntil('it is acknowledged', async () => (await control.streams())[0]?.groups[0]?.ackFloor === 1)
    assert.equal(fault, undefined)
    assert.equal((await control.deadLetters.page(0, 10)).count, 0)
  })

  test(`${name}: an event whose error says retryable waits for its resource and is never given up`, async t => {
    let away = true
    const first = listener('first', () => {
      if (away) throw Object.assign(new Error('database away'), { retryable: true })
    })
    const node = await makeNode(t, await open(t), [first.schema])
    await node.start()
    await happen(node, 1)
    await waitUntil('more deliveries than maxDeliver', () => first.seen.length > 5)
    away = false
    const control = streamControlOf(node)
    await waitUntil('it is acknowledged', async () => (await control.streams())[0]?.groups[0]?.ackFloor === 1)
    assert.equal((await control.deadLetters.page(0, 10)).count, 0)
  })

  test(`${name}: a message id is stored once within the window, and both publishes are confirmed`, async t => {
    const worker = listener('worker', undefined, 'job.due')
    const node = await makeNode(t, await open(t), [worker.schema])
    await node.start()
    await happen(node, 1, 'job@1', 'job.due')
    await happen(node, 2, 'job@1', 'job.due')
    await happen(node, 3, 'job@3', 'job.due')
    await waitUntil('two jobs came', () => worker.seen.length >= 2)
    assert.deepEqual(ascending(worker.numbers()), [1, 3])
    assert.equal(streamControlOf(node).counters().duplicates, 1)
  })

  test(`${name}: what cannot be encoded or is too large is refused with a code`, async t => {
    const node = await makeNode(t, await open(t), [])
    await node.start()
    await assert.rejects(happen(node, 1n), { code: 'encode_failed', retryable: false })
    await assert.rejects(happen(node, 'x'.repeat(1024 ** 2)), { code: 'too_large', retryable: false })
    assert.equal((await streamControlOf(node).streams())[0]?.lastSequence, 0)
  })

  test(`${name}: a purge that names more than there is ends with the last event, and the next one follows that`, async t => {
    const node = await makeNode(t, await open(t), [])
    await node.start()
    for (const n of range(0, 5)) await happen(node, n)
    const control = streamControlOf(node)
    assert.equal(await control.purge('things', Number.MAX_SAFE_INTEGER - 1), 5)
    await happen(node, 5)
    assert.equal((await control.next('things', 0))?.sequence, 6)
    assert.equal(await control.purge('things', 3), 0)
  })

  test(`${name}: a group that hangs does not stall another`, async t => {
    const release = Promise.withResolvers<void>()
    const slow = listener('first', () => release.promise)
    const fast = listener('second')
    const reader = listener('gateway@a')
    const node = await makeNode(t, await open(t), [slow.schema, fast.schema, reader.schema])
    await node.start()
    for (const n of range(0, 100)) await happen(node, n)
    await waitUntil('the others have all', () => fast.seen.length >= 100 && reader.seen.length >= 100)
    assert.equal(slow.seen.length, 8, 'no more handlers at a time than the table allows')
    release.resolve()
    await waitUntil('the slow one follows', () => slow.seen.length >= 100)
    assert.deepEqual(ascending(slow.numbers()), range(0, 100))
  })

  test(`${name}: stopping waits for the running handlers and acknowledges them`, async t => {
    const setting = await open(t)
    const gate = Promise.withResolvers<void>()
    let ended = 0
    const first = listener('first', async () => {
      await gate.promise
      ended++
    })
    const second = listener('second')
    const node = await makeNode(t, setting, [first.schema, second.schema])
    await node.start()
    for (const n of range(0, 4)) await happen(node, n)
    await waitUntil('four handlers run', () => first.seen.length === 4 && second.seen.length === 4)
    let closedAfter = 0
    node.createService({
      name: 'closing',
      async stopped() {
        closedAfter = ended
      }
    })
    const stopped = node.stop()
    gate.resolve()
    await stopped
    assert.equal(closedAfter, 4, 'services are stopped after the handlers')
    const { acknowledged, abandoned } = streamControlOf(node).counters()
    assert.deepEqual({ acknowledged, abandoned }, { acknowledged: 8, abandoned: 0 })
  })

  test(`${name}: a group outside the table leaves out what it cannot handle, and goes on in order`, async t => {
    const reader = listener('gateway@a', n => {
      if (n === 1) throw new Error('cannot draw one')
    })
    const node = await makeNode(t, await open(t), [reader.schema])
    await node.start()
    for (const n of range(0, 4)) await happen(node, n)
    await waitUntil('the last came', () => reader.numbers().includes(3))
    assert.deepEqual(reader.numbers(), [0, 1, 1, 1, 2, 3])
    assert.equal(streamControlOf(node).counters().skipped, 1)
  })

  test(`${name}: a reader that comes later begins behind what the tail group has acknowledged`, async t => {
    let away = true
    const second = listener('second', n => {
      if (away && n >= 5) throw Object.assign(new Error('away'), { retryable: true })
    })
    const node = await makeNode(t, await open(t), [second.schema])
    await node.start()
    for (const n of range(0, 8)) await happen(node, n)
    const floor = async () => (await streamControlOf(node).streams())[0]?.groups[1]?.ackFloor
    await waitUntil('the tail group is at 5', async () => (await floor()) === 5)
    const reader = listener('gateway@a')
    node.createService(reader.schema)
    await waitUntil('the reader has the rest', () => reader.seen.length >= 3)
    assert.deepEqual(reader.numbers(), [5, 6, 7])
    assert.equal(reader.consuming[0]?.after, 5)
    away = false
  })
}
