import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ackMeaning } from '../../lib/transport/ack-meaning.ts'

const best = { storage: 'file', replicas: 3, fsync: 'always', serverVersion: '2.12.1' } as const

test('an acknowledgement means what the servers can and are stated to do', () => {
  assert.deepEqual(ackMeaning(best), { processCrash: true, powerLoss: true, replicaLosses: 1, because: [] })
  const one = ackMeaning({ ...best, replicas: 1, fsync: 'interval' })
  assert.deepEqual([one.processCrash, one.powerLoss, one.replicaLosses, one.because.length], [true, false, 0, 2])
  const memory = ackMeaning({ ...best, storage: 'memory', replicas: 1 })
  assert.deepEqual([memory.processCrash, memory.powerLoss], [false, false])
  assert.equal(ackMeaning({ ...best, replicas: 5 }).replicaLosses, 2)
})

test('a server that cannot write to the disk before it answers does not, whatever is stated', () => {
  const old = ackMeaning({ ...best, serverVersion: '2.9.10' })
  assert.equal(old.powerLoss, false)
  assert.match(old.because.join(), /nats-server 2\.9\.10 cannot .* 2\.10 can/)
  assert.equal(ackMeaning({ ...best, serverVersion: '3.0.0' }).powerLoss, true)
})
