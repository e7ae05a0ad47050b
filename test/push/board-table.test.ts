import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BoardTable, renderEntry } from '../../lib/push/board-table.ts'
import { FieldSet, GROUP_BITS, lastTouch, STATUS_BIT } from '../../lib/push/field-set.ts'
import { zeroCounters } from '../../lib/push/push-counters.ts'
import { viewRow } from '../../lib/quote/board.ts'
import type { Quote } from '../../lib/quote/quote.ts'
import { keysOf, makeQuote, OPENING } from './make-quotes.ts'

const [A = ''] = keysOf(1)

/** A live board, what a follower of everything heard, and a way to apply the next quote. */
function openBoard() {
  const board = new BoardTable(zeroCounters())
  board.restart('E1', 0)
  board.isLive = true
  const heard: number[] = []
  const entry = board.ensure(A)
  entry.followers.add({ mask: GROUP_BITS.trade | STATUS_BIT, touch: () => void heard.push(entry.q) })
  let q = 0
  return { board, heard, apply: (quote: Quote) => board.apply({ quote, epoch: 'E1', q: ++q }) }
}

const last = (board: BoardTable, fields: FieldSet): unknown =>
  JSON.parse(`{${renderEntry(board.entries.get(A)!, fields)}}`).last

test('followers hear when a newer sequence carries an older observation, so that another channel shows', () => {
  const { board, heard, apply } = openBoard()
  const fields = new FieldSet(['last'])
  const sequenced = { channel: '@trade', seqKind: 't', lastSize: null }
  apply(makeQuote(A, OPENING + 100, { ...sequenced, seq: '1', last: '1' }))
  apply(makeQuote(A, OPENING + 90, { channel: 'price', last: '2', lastSize: null }))
  assert.deepEqual([last(board, fields), heard], ['1', [1]])
  apply(makeQuote(A, OPENING + 80, { ...sequenced, seq: '2', last: '3' }))
  assert.deepEqual([last(board, fields), heard], ['2', [1, 3]])
})

test('an update of other fields is heard only when it changes the status', () => {
  const { heard, apply } = openBoard()
  const book = { channel: '@book', bid: '1', bidSize: '1', ask: '2', askSize: '1' }
  apply(makeQuote(A, OPENING + 1, { last: '1', lastSize: null }))
  apply(makeQuote(A, OPENING + 2, book))
  apply(makeQuote(A, OPENING + 3, { ...book, status: 'halted' }))
  apply(makeQuote(A, OPENING + 4, { ...book, status: 'halted' }))
  assert.deepEqual(heard, [1, 3])
})

test('the fields of a row are those asked for, with its two times, and absent while no channel carries their group', () => {
  const { board, apply } = openBoard()
  const show = (names: ConstructorParameters<typeof FieldSet>[0]): unknown => {
    const text = renderEntry(board.entries.get(A)!, new FieldSet(names))
    return text === undefined ? undefined : JSON.parse(`{${text}}`)
  }
  apply(makeQuote(A, OPENING, { last: null, lastSize: '0' }))
  const times = { exchangeTime: OPENING - 20_000, receivedTime: OPENING }
  assert.deepEqual(show(['lastSize', 'bid']), { lastSize: '0', ...times })
  assert.deepEqual(show(['last', 'status', 'publishedTime']), {
    last: null,
    status: 'trading',
    ...times,
    publishedTime: OPENING
  })
  assert.equal(show(['bid']), undefined)
  assert.deepEqual(show([]), times)
})

test('the status shows while no channel carries the other fields of a subscription', () => {
  const { board, apply } = openBoard()
  apply(makeQuote(A, OPENING, { channel: '@book', bid: '1', bidSize: '1', ask: '2', askSize: '1', status: 'halted' }))
  const text = renderEntry(board.entries.get(A)!, new FieldSet(['last', 'status']))
  assert.deepEqual(JSON.parse(`{${text}}`), {
    status: 'halted',
    exchangeTime: OPENING - 20_000,
    receivedTime: OPENING
  })
})

test('a channel that does not tell the status hides none, as in the latest store', () => {
  const { board, heard, apply } = openBoard()
  apply(makeQuote(A, OPENING + 1, { last: '1', lastSize: null, status: 'trading' }))
  apply(
    makeQuote(A, OPENING + 2, { channel: '@book', bid: '1', bidSize: '1', ask: '2', askSize: '1', status: 'unknown' })
  )
  const entry = board.entries.get(A)
  assert.deepEqual([entry?.status, heard], ['trading', [1]])
  assert.equal(entry && viewRow(entry.row)?.status, 'trading')
})

test('a board that is loaded in any order knows the position of each group of fields', () => {
  const board = new BoardTable(zeroCounters())
  board.restart('E1', 0)
  const load = (q: number, epoch: string, observed: number, quote: Parameters<typeof makeQuote>[2]) =>
    board.apply({ quote: makeQuote(A, OPENING + observed, quote), epoch, q })
  load(80, 'E1', 80, { channel: '@book', bid: '1', bidSize: '1', ask: '2', askSize: '1' })
  load(50, 'E1', 50, { channel: '@trade', last: '3', lastSize: '1' })
  load(90, 'E0', 40, { channel: '@stats', open: '1' })
  const { q, touchedAt } = board.entries.get(A)!
  const at = (mask: number) => lastTouch(touchedAt, mask)
  assert.deepEqual([q, at(GROUP_BITS.book), at(GROUP_BITS.trade), at(GROUP_BITS.stats)], [80, 80, 50, 0])
})
