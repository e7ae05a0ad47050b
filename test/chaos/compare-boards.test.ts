import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryLatest } from '../../lib/latest/memory-latest.ts'
import { keysOf, RandomMarket, seededRandom } from '../push/make-quotes.ts'
import { compareBoards, compareRunning, viewsOf } from './compare-boards.ts'

const latest = new MemoryLatest()
const quotes = new RandomMarket(keysOf(5), seededRandom(1)).batch(200)
await latest.merge(quotes.map((quote, q) => ({ quote, epoch: 'E', q })))
const views = await viewsOf(latest, await latest.keys())
const [first, second] = keysOf(2) as [string, string]

/** @returns the instruments that are found to differ when a client shows `rows`. */
async function differing(rows: ReadonlyMap<string, object> | undefined): Promise<string[]> {
  return (await compareBoards(views, [{ name: 'client', rows: () => rows }])).map(text =>
    text.slice(0, text.indexOf(': '))
  )
}

test('a board with the values of the latest store is equal, wherever its rows stand in the stream', async () => {
  assert.equal(views.size, 5)
  assert.deepEqual(await differing(new Map([...views].map(([key, view]) => [key, { ...view, q: 1, p: 0, n: 1 }]))), [])
})

for (const [what, change] of Object.entries({
  'a value one digit off': { last: '100.001' },
  'a value that is not known': { last: null },
  'another status': { status: 'closed' },
  'an older time': { receivedTime: 1 }
})) {
  test(`${what} is a difference`, async () => {
    assert.deepEqual(
      await differing(new Map<string, object>([...views, [first, { ...views.get(first), ...change }]])),
      [first]
    )
  })
}

test('an instrument too few, one too many and no board at all are differences', async () => {
  assert.deepEqual(await differing(new Map([...views].filter(([key]) => key !== second))), [second])
  assert.deepEqual(await differing(new Map<string, object>([...views, ['A', { key: 'A' }]])), ['A'])
  assert.deepEqual((await differing(undefined)).sort(), keysOf(5))
})

test('while quotes flow, only rows at the same position are compared', () => {
  const board = (name: string, ...rows: { key: string; q: number; last: string }[]) => ({ name, rows })
  const a = board('a', { key: 'A', q: 1, last: '1' }, { key: 'B', q: 2, last: '2' })
  const { compared, differences } = compareRunning([
    a,
    board('b', { key: 'A', q: 1, last: '1' }, { key: 'B', q: 3, last: '3' }),
    board('c', { key: 'A', q: 1, last: '2' })
  ])
  assert.equal(compared, 1)
  assert.deepEqual(
    differences.map(text => text.slice(0, 8)),
    ['A at 1: ']
  )
})
