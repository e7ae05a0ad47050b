import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MinHeap } from '../../lib/schedule/min-heap.ts'

test('items come out in order, whatever order they went in', () => {
  const heap = new MinHeap<number>((a, b) => a - b)
  const items = Array.from({ length: 500 }, (_, i) => (i * 7919) % 503)
  for (const item of items) heap.push(item)
  assert.equal(heap.peek(), Math.min(...items))
  const out = items.map(() => heap.pop())
  assert.deepEqual(
    out,
    items.toSorted((a, b) => a - b)
  )
  assert.deepEqual([heap.pop(), heap.peek(), heap.size], [undefined, undefined, 0])
})
