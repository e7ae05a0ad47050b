import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConsumerInfo } from 'nats'
import { readNote, writeNote } from '../../lib/transport/jetstream-consumer-note.ts'

const read = (description?: string) => readNote({ config: { description } } as ConsumerInfo)

test('a consumer tells whether its group is paused, and which epoch of its stream it was made for', () => {
  for (const note of [
    { paused: false, renewals: 0 },
    { paused: true, renewals: 0 },
    { paused: false, renewals: 12 },
    { paused: true, renewals: 3 }
  ]) {
    assert.deepEqual(read(writeNote(note)), note)
  }
  assert.deepEqual(read(undefined), { paused: false, renewals: 0 })
  assert.equal(writeNote({ paused: false, renewals: 0 }), '')
})
