import assert from 'node:assert/strict'
import { test } from 'node:test'
import { STREAMS } from '../../lib/buffer/streams.ts'
import { ConfigError } from '../../lib/config/config-error.ts'
import { readStreams } from '../../lib/config/read-streams.ts'

test('what the file says of a stream replaces what the table says, and more groups come to it', () => {
  const text =
    'fsync: always\nstreams:\n  quotes: { replicas: 3, maxAge: 4h, maxBytes: 8GiB, groups: { archive: all } }\n'
  const { streams, fsync } = readStreams(text, 'streams.yaml', STREAMS)
  assert.equal(fsync, 'always')
  const [quotes, work] = streams
  assert.deepEqual([quotes?.replicas, quotes?.maxAgeMs, quotes?.maxBytes], [3, 4 * 3_600_000, 8 * 1024 ** 3])
  assert.deepEqual(quotes?.groups, ['storage', 'latest', 'archive'])
  assert.equal(work, STREAMS[1])
})

test('a time or size of nothing is refused, with the file, the stream and what was expected', () => {
  for (const [entry, field] of [
    ['ackWait: 0s', 'ackWaitMs'],
    ['maxBytes: 0B', 'maxBytes'],
    ['maxAge: 0s', 'maxAgeMs'],
    ['duplicateWindow: 0m', 'duplicateWindowMs'],
    ['ackWait: 60d', 'ackWaitMs']
  ]) {
    assert.throws(
      () => readStreams(`streams:\n  quotes:\n    ${entry}\n`, 'streams.yaml', STREAMS),
      (error: unknown) =>
        error instanceof ConfigError &&
        error.message.includes(`streams.yaml: stream quotes: expected ${field} to be an integer from`)
    )
  }
})
