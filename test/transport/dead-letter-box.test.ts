import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { DeadLetterBox } from '../../lib/transport/dead-letter-box.ts'
import { retryDeadLetters } from '../../lib/transport/dead-letter-retry.ts'
import { streamControlOf } from '../../lib/transport/stream-control.ts'
import { newTransportCounters } from '../../lib/transport/transport-counters.ts'
import { cleanUp } from '../kit/clean-up.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { happen, listener, makeNode } from './things.ts'

async function makeFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'quotecast-letters-'))
  cleanUp(t, () => rm(folder, { recursive: true, force: true }))
  return folder
}

const letter = {
  stream: 'things',
  group: 'first',
  event: 'thing.happened',
  reason: 'failed',
  error: 'no',
  deliveries: 3,
  epoch: 'e',
  sequence: 1,
  node: 'n',
  time: 1,
  bytes: 3
} as const

test('what a process gave up can be retried by the next one', async t => {
  const deadLetterDir = await makeFolder(t)
  const bad = listener('first', () => {
    throw new Error('not today')
  })
  const before = await makeNode(t, { kind: 'memory' }, [bad.schema], { deadLetterDir })
  await before.start()
  await happen(before, 5)
  await waitUntil('it is given up', async () => (await streamControlOf(before).deadLetters.page(0, 10)).count === 1)
  await before.stop()

  const good = listener('first')
  const after = await makeNode(t, { kind: 'memory' }, [good.schema], { deadLetterDir })
  await after.start()
  const control = streamControlOf(after)
  const { letters } = await control.deadLetters.page(0, 10)
  assert.deepEqual(
    letters.map(({ error, group }) => [error, group]),
    [['not today', 'first']]
  )
  assert.deepEqual(await retryDeadLetters(control, [letters[0]!.number]), { handled: [letters[0]!.number], failed: [] })
  assert.deepEqual(good.numbers(), [5])
  assert.deepEqual(await readdir(deadLetterDir), [])
})

test('numbers go on where they were, and a file that cannot be read stays for a person', async t => {
  const folder = await makeFolder(t)
  const counters = newTransportCounters()
  const box = new DeadLetterBox(folder, counters)
  await box.add(letter, Buffer.from('one'))
  await box.add(letter, Buffer.from('two\nlines'))
  await writeFile(join(folder, '000000000003.letter'), 'torn')
  const next = new DeadLetterBox(folder, counters)
  await next.add(letter, Buffer.from('four'))
  assert.deepEqual(
    (await next.page(0, 10)).letters.map(({ number }) => number),
    [1, 2, 4]
  )
  assert.equal(`${(await next.read(2))?.data}`, 'two\nlines')
  assert.ok((await readdir(folder)).includes('000000000003.letter.unreadable'))
  assert.equal(counters.deadLettersDropped, 1)
})

test('an event whose letter the disk does not take stays in the stream', async t => {
  const folder = await makeFolder(t)
  const file = join(folder, 'a-file')
  await writeFile(file, '')
  let broken = true
  const first = listener('first', () => {
    if (broken) throw new Error('no')
  })
  const node = await makeNode(t, { kind: 'memory' }, [first.schema], { deadLetterDir: join(file, 'below') })
  await node.start()
  await happen(node, 1)
  const { counters, streams } = streamControlOf(node)
  await waitUntil('it could not be given up', () => counters().deadLetterFailures > 0)
  assert.equal((await streams())[0]?.groups[0]?.pending, 1)
  broken = false
  await waitUntil('it is handled in the end', async () => (await streams())[0]?.groups[0]?.pending === 0)
})
