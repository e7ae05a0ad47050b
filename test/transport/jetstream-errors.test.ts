import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ErrorCode, NatsError } from 'nats'
import { type JetStreamTrouble, transportError, troubleOf } from '../../lib/transport/jetstream-errors.ts'
import { TransportError } from '../../lib/transport/transport-error.ts'

function answer(code: number, number: number): NatsError {
  const error = new NatsError('as the server says', 'x')
  error.api_error = { code, err_code: number, description: 'as the server says' }
  return error
}

test('what passes by itself is waited for, whatever the class of its code; what does not is refused', () => {
  const cases: [code: number, number: number, JetStreamTrouble][] = [
    // The same message id is being stored: the answer to a publish that is tried again.
    [409, 10158, 'unreachable'],
    [429, 10167, 'unreachable'],
    [500, 10118, 'unreachable'],
    [500, 10009, 'unreachable'],
    [500, 10041, 'unreachable'],
    [400, 10005, 'unreachable'],
    [503, 10008, 'unreachable'],
    // One that nobody knew when this was written.
    [500, 19_999, 'unreachable'],
    [400, 10002, 'no_room'],
    [503, 10077, 'no_room'],
    [404, 10059, 'stream_missing'],
    [400, 10054, 'refused'],
    [400, 10060, 'refused'],
    [500, 10052, 'refused'],
    [400, 10065, 'refused'],
    [500, 10074, 'refused']
  ]
  for (const [code, number, expected] of cases) assert.equal(troubleOf(answer(code, number)), expected, `${number}`)
  assert.equal(troubleOf(NatsError.errorForCode(ErrorCode.Timeout)), 'unreachable')
  assert.equal(troubleOf(NatsError.errorForCode(ErrorCode.PermissionsViolation)), 'refused')
})

test('a failed request is told with a code of the closed list', () => {
  assert.equal(transportError('stream x', answer(400, 10005)).code, 'jetstream_unavailable')
  assert.equal(transportError('stream x', answer(500, 10052)).code, 'stream_refused')
  const known = new TransportError('unknown_stream', 'x')
  assert.equal(transportError('stream x', known), known)
})
