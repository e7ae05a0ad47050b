import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type GivenStream, streamSpec } from '../../lib/transport/stream-defaults.ts'
import { tableProblems } from '../../lib/transport/stream-spec.ts'

const problemsOf = (...given: Partial<GivenStream>[]) =>
  tableProblems(
    given.map((stream, index) =>
      streamSpec({ name: `stream-${index}`, events: [`event.${index}`], groups: ['group'], ...stream })
    )
  )

test('amounts that would stand for something else are refused: 0 is the default of a server, and a timer without a pause', () => {
  for (const field of [
    'maxAgeMs',
    'maxBytes',
    'duplicateWindowMs',
    'maxAckPending',
    'ackWaitMs',
    'maxDeliver'
  ] as const) {
    for (const amount of [0, -1, Number.NaN, 1.5, Number.POSITIVE_INFINITY]) {
      const problems = problemsOf({ [field]: amount })
      assert.ok(
        problems.some(
          problem => problem.includes(`expected ${field} to be an integer from`) && problem.endsWith(`got ${amount}`)
        ),
        `${field} ${amount}: ${problems}`
      )
    }
  }
  assert.deepEqual(problemsOf({ keepMs: 0, ackWaitMs: 100, maxMessages: 1, replicas: 5 }), [])
  assert.equal(problemsOf({ replicas: 6 }).length, 1)
  // Beyond that a timer would not wait at all.
  assert.equal(problemsOf({ ackWaitMs: 2 ** 31 }).length, 1)
})

test('names that a server cannot tell apart are refused, of streams and of the groups of one stream', () => {
  assert.deepEqual(problemsOf({ name: 'a.b' }, { name: 'a_b' }), [
    'stream a.b: expected names that differ in letters, digits, _, @ or -, got also a_b',
    'stream a_b: expected names that differ in letters, digits, _, @ or -, got also a.b'
  ])
  assert.equal(problemsOf({ groups: ['v1.billing', 'v1/billing'] }).length, 2)
  assert.deepEqual(problemsOf({ groups: ['billing', 'billing'] }), [
    'stream stream-0: expected each group once, got billing, billing'
  ])
  assert.deepEqual(problemsOf({ name: 'a.b', groups: ['v1.billing', 'v2.billing'] }, { groups: ['v1.billing'] }), [])
})

test('a stream may not have the name of the dead letters', () => {
  assert.deepEqual(problemsOf({ name: 'dead' }), ['stream dead: expected another name, got that of the dead letters'])
})
