import assert from 'node:assert/strict'
import { test } from 'node:test'
import { renderTable } from '../../lib/repl/render-table.ts'

const columns = {
  name: ({ name }: { name: string; count: number }) => name,
  count: ({ count }: { count: number }) => count,
  text: ({ name }: { name: string }) => `of ${name}`
}

test('columns are as wide as they need, numbers at the right, without spaces at the end', () => {
  const rows = [
    { name: 'a', count: 5 },
    { name: 'longer', count: 123_456 }
  ]
  assert.equal(
    renderTable(rows, columns),
    ['name     count  text', 'a            5  of a', 'longer  123456  of longer'].join('\n')
  )
})

test('a row stays a line whatever its texts hold', () => {
  assert.equal(renderTable([{ name: 'a\nb\u001b[2J', count: 1 }], columns).split('\n').length, 2)
})

test('without rows the titles stay', () => {
  assert.equal(renderTable([], columns), 'name  count  text')
})
