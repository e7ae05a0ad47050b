import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { DeadLetterBox } from '../../lib/transport/dead-letter-box.ts'
import { retryDeadLetters } from '../../lib/transport/dead-letter-retry.ts'
import { streamControlOf } from '../../lib/transport/stream-control.ts'
import { newTransportCounters } from '../../lib/transport/transport-counters.ts'
import { cleanUp } from '../kit/clean-up.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { happen, listener, makeNode, range } from './things.ts'

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
  time: 1
} as const

const add = (box: DeadLetterBox, text: string) => box.add({ ...letter, bytes: text.length }, Buffer.from(text))
const numbersOf = async (box: DeadLetterBox) => (await box.page(0, 100)).letters.map(({ number }) => number)

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
  assert.deepEqual(await retryDeadLetters(control, [letters[0]!.number]), {
    handled: [letters[0]!.number],
    failed: [],
    left: []
  })
  assert.deepEqual(good.numbers(), [5])
  assert.deepEqual(await readdir(deadLetterDir), [])
})

test('numbers go on where they were, and a file that cannot be read stays for a person', async t => {
  const folder = await makeFolder(t)
  const counters = newTransportCounters()
  const box = new DeadLetterBox(folder, counters)
  await add(box, 'one')
  await add(box, 'two\nlines')
  await writeFile(join(folder, '000000000003.letter'), 'torn')
  const next = new DeadLetterBox(folder, counters)
  await add(next, 'four')
  assert.deepEqual(await numbersOf(next), [1, 2, 4])
  assert.equal(`${(await next.read(2))?.data}`, 'two\nlines')
  assert.ok((await readdir(folder)).includes('000000000003.letter.unreadable'))
  assert.equal(counters.deadLettersDropped, 1)
})

test('a letter that the disk takes in part only is refused, leaves nothing behind, and costs no number', async t => {
  const folder = await makeFolder(t)
  // Files of this process may have 100 KiB: the disk is full for a letter of 200,000 bytes.
  const program = join(import.meta.dirname, 'add-letters.ts')
  const { stdout } = await promisify(execFile)('bash', [
    '-c',
    'ulimit -f 100; exec "$@"',
    'bash',
    process.execPath,
    program,
    folder,
    ...['200000', '200000', '10']
  ])
  assert.deepEqual(stdout.trim().split('\n'), ['EFBIG 0', 'EFBIG 0', 'kept 1'])
  assert.deepEqual(await readdir(folder), ['000000000001.letter'])
  const box = new DeadLetterBox(folder, newTransportCounters())
  assert.equal((await box.read(1))?.data.length, 10)
})

test('what a killed process had not finished is removed, and a file that lacks its end is set aside', async t => {
  const folder = await makeFolder(t)
  const counters = newTransportCounters()
  await add(new DeadLetterBox(folder, counters), 'whole')
  await add(new DeadLetterBox(folder, counters), 'cut short')
  await truncate(join(folder, '000000000002.letter'), (await stat(join(folder, '000000000002.letter'))).size - 4)
  await writeFile(join(folder, '000000000003.letter.new'), 'half of it')
  assert.deepEqual(await numbersOf(new DeadLetterBox(folder, counters)), [1])
  assert.deepEqual((await readdir(folder)).sort(), ['000000000001.letter', '000000000002.letter.unreadable'])
  const box = new DeadLetterBox(folder, counters)
  await add(box, 'next')
  assert.deepEqual(await numbersOf(box), [1, 3])
})

test('a letter is kept also when the oldest cannot be removed for it, which then goes with the next', async t => {
  const folder = await makeFolder(t)
  const counters = newTransportCounters()
  const box = new DeadLetterBox(folder, counters, { letters: 2, bytes: 1_000 })
  await add(box, 'one')
  await add(box, 'two')
  const first = join(folder, '000000000001.letter')
  await rm(first)
  await mkdir(first)
  await add(box, 'three')
  assert.deepEqual([await numbersOf(box), counters.deadLettersDropped], [[1, 2, 3], 0])
  await rm(first, { recursive: true })
  await add(box, 'four')
  assert.deepEqual([await numbersOf(box), counters.deadLettersDropped], [[3, 4], 2])
})

test('letters are bounded by their bytes too, come in the order of their numbers, and the newest always stays', async t => {
  for (const folder of [undefined, await makeFolder(t)]) {
    const box = new DeadLetterBox(folder, newTransportCounters(), { letters: 100, bytes: 10 })
    await Promise.all(['1234', '5678', '90', '1'].map(text => add(box, text)))
    assert.deepEqual(await numbersOf(box), [2, 3, 4])
    await add(box, 'more than all the room')
    assert.deepEqual(await numbersOf(box), [5])
  }
})

test('a retry of many letters answers in its time: those behind a handler that takes long are left, and go when it ends', async t => {
  const gate = Promise.withResolvers<void>()
  let good = false
  const first = listener('first', async n => {
    if (!good) throw new Error('not today')
    if (n === 1) await gate.promise
  })
  const node = await makeNode(t, { kind: 'memory' }, [first.schema])
  await node.start()
  const control = streamControlOf(node)
  const page = async () => (await control.deadLetters.page(0, 10)).letters
  for (const n of range(0, 3)) {
    await happen(node, n)
    await waitUntil('it is given up', async () => (await page()).length === n + 1)
  }
  good = true
  assert.deepEqual(await retryDeadLetters(control, [1, 2, 3], 50), { handled: [1], failed: [], left: [2, 3] })
  gate.resolve()
  await waitUntil('the one under way has gone by itself', async () => (await page()).length === 1)
  assert.deepEqual(await retryDeadLetters(control, [3]), { handled: [3], failed: [], left: [] })
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
