import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BudgetBook, type Limit } from '../../lib/egress/budget.ts'

const MINUTE = 60_000
const start = 1_700_000_040_000 - (1_700_000_040_000 % MINUTE)
const limits: Limit[] = [
  { name: 'weight', limit: 100, windowMs: MINUTE, usedHeader: 'x-used' },
  { name: 'raw', limit: 1_000, windowMs: 5 * MINUTE }
]

test('85 % of a limit is used in an aligned window, and the next window begins empty', () => {
  const book = new BudgetBook()
  const take = (nowMs: number) => book.reserve('venue', 'a', limits, { weight: 10 }, nowMs)
  for (let i = 0; i < 8; i++) assert.equal(take(start + i), 0)
  assert.equal(take(start + 10_000), 50_000, 'the ninth waits for the end of the minute')
  assert.equal(
    book.reserve('venue', 'b', limits, { weight: 10 }, start + 10_000),
    0,
    'another egress has its own budget'
  )
  assert.equal(book.reserve('other', 'a', limits, { weight: 10 }, start + 10_000), 0, 'so has another source')
  assert.equal(take(start + MINUTE), 0)
})

test('a request that one limit refuses takes nothing out of the others', () => {
  const book = new BudgetBook()
  const small: Limit[] = [limits[0]!, { name: 'raw', limit: 2, windowMs: MINUTE }]
  assert.equal(book.reserve('venue', 'a', small, { weight: 1, raw: 1 }, start), 0)
  for (let i = 0; i < 50; i++) assert.ok(book.reserve('venue', 'a', small, { weight: 10, raw: 1 }, start) > 0)
  assert.equal(book.reserve('venue', 'a', small, { weight: 84 }, start), 0)
})

test("the venue's own count corrects ours upwards only, and only within its window", () => {
  const book = new BudgetBook()
  const free = (nowMs: number, weight: number) => book.reserve('venue', 'a', limits, { weight }, nowMs) === 0
  assert.ok(free(start, 5))
  book.settle('venue', 'a', limits, { 'x-used': '80' }, start, start + 10)
  assert.ok(free(start + 20, 5))
  book.settle('venue', 'a', limits, { 'x-used': '3' }, start, start + 30)
  assert.ok(!free(start + 40, 5))
  book.settle('venue', 'a', limits, { 'x-used': '90' }, start + MINUTE - 1, start + MINUTE)
  assert.ok(free(start + MINUTE + 1, 80), 'a count of the last minute says nothing of this one')
})

test('each refusal cools for its own time', () => {
  const rest = (status: number, headers = {}) => {
    const book = new BudgetBook()
    assert.ok(book.observe('venue', 'a', limits, status, headers, start + 1_000))
    return book.reserve('venue', 'a', limits, {}, start + 1_000)
  }
  assert.equal(rest(429, { 'retry-after': '12' }), 12_000)
  assert.equal(rest(429, { 'retry-after': new Date(start + 31_000).toUTCString() }), 30_000)
  assert.ok([59_000, 119_000, 179_000, 239_000, 299_000].includes(rest(429)), 'until the longest window ends')
  assert.equal(rest(418, { 'retry-after': '86400' }), 86_400_000)
  assert.equal(rest(418), 120_000)
  assert.equal(rest(403), 600_000)
  assert.equal(rest(451), 86_400_000)
})

test('a firewall that refuses again is left alone three times as long; a success forgives', () => {
  const book = new BudgetBook()
  let nowMs = start
  const refused = () => {
    book.observe('venue', 'a', limits, 403, {}, nowMs)
    const waitMs = book.reserve('venue', 'a', limits, {}, nowMs)
    nowMs += waitMs
    return waitMs / MINUTE
  }
  assert.deepEqual([refused(), refused(), refused()], [10, 30, 90])
  assert.equal(book.observe('venue', 'a', limits, 200, {}, nowMs), false)
  assert.equal(refused(), 10)
})
