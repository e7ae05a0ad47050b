import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CommandInput } from '../../lib/repl/command-input.ts'

const NOW_MS = 1_000_000_000
const input = (words: string[], options: Record<string, unknown> = {}) => new CommandInput(words, options, NOW_MS)
const bad = (message: RegExp) => ({ name: 'ReplError', code: 'bad_input', message })

test('a range begins at a time or behind a sequence, not both', () => {
  assert.deepEqual(
    { ...input([], { from: '10s', upTo: '7' }).range() },
    { from: 999_990_000_000, after: undefined, upTo: 7 }
  )
  assert.deepEqual(input([]).range(), { from: undefined, after: undefined, upTo: undefined })
  assert.throws(() => input([], { from: '10s', after: '1' }).range(), bad(/one of --from and --after, got both/))
})

test('a value that is missing or cannot be read says expected and got', () => {
  assert.throws(() => input([], { from: true }).range(), bad(/expected --from \[time\], got no value/))
  assert.throws(() => input([], { from: 'noon' }).range(), bad(/--from \[time\].* 10m, 2h ago; got noon/))
  for (const text of ['-1', '1.5', 'x', '', '1e3', '9'.repeat(16)]) {
    assert.throws(() => input([], { upTo: text }).range(), bad(/expected --up-to \[sequence\], got/), text)
  }
  assert.throws(() => input([]).word(0, 'stream'), bad(/expected a stream, got none/))
})

test('numbers are taken once each, and all must be numbers', () => {
  assert.deepEqual(input(['3', '1', '3']).numbers(), [3, 1])
  assert.throws(() => input(['3', 'all']).numbers(), bad(/expected numbers, got all/))
  assert.throws(() => input([]).numbers(), bad(/got none/))
})

test('what a command does not know is refused', () => {
  input(['quotes']).check('buffer-read', 1)
  assert.throws(
    () => input(['quotes', '--form', '5']).check('buffer-read', 1),
    bad(/no option --form, see help buffer-read/)
  )
  assert.throws(() => input(['quotes', 'work']).check('buffer-read', 1), bad(/got also work/))
})
