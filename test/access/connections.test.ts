import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ConnectionLimits, Connections } from '../../lib/access/connections.ts'
import { KeyedRate } from '../../lib/access/keyed-rate.ts'
import { seededRandom } from '../push/make-quotes.ts'

const NONE: ConnectionLimits = { total: null, perAddress: null, connectsPerSecond: null, connectBurst: 1 }

test('an address may hold so many connections, and all together so many', () => {
  const connections = new Connections({ ...NONE, total: 3, perAddress: 2 })
  const first = connections.enter('a', 0)
  connections.enter('a', 0)
  assert.throws(() => connections.enter('a', 0), { code: 'connection_limit', retryAfterMs: 5000 })
  connections.enter('b', 0)
  assert.throws(() => connections.enter('c', 0), { code: 'full', retryAfterMs: 1000 })
  first.release()
  first.release()
  assert.equal(connections.total, 2)
  connections.enter('a', 0)
  assert.throws(() => connections.enter('a', 0), { code: 'connection_limit' })
})

test('a user may hold so many connections, from wherever, and each is counted once', () => {
  const connections = new Connections(NONE)
  const [one, two, three] = ['a', 'b', 'c'].map(address => connections.enter(address, 0))
  one!.assign('u', 2)
  one!.assign('u', 2)
  two!.assign('u', 2)
  assert.throws(() => three!.assign('u', 2), { code: 'connection_limit' })
  three!.assign('v', 1)
  one!.release()
  // What comes late, when the connection is gone, counts nothing.
  one!.assign('u', 2)
  const four = connections.enter('a', 0)
  four.assign('u', 2)
  assert.throws(() => connections.enter('a', 0).assign('u', 2), { code: 'connection_limit' })
})

test('whatever comes and goes, the counts end where they began', () => {
  const random = seededRandom(5)
  const connections = new Connections({ ...NONE, total: 20, perAddress: 5 })
  const places: { release: () => void }[] = []
  for (let i = 0; i < 5000; i++) {
    if (random() < 0.5) {
      try {
        const place = connections.enter(`a${Math.floor(random() * 6)}`, 0)
        places.push(place)
        place.assign(`u${Math.floor(random() * 4)}`, 4)
      } catch {}
    } else places.splice(Math.floor(random() * places.length), 1)[0]?.release()
    assert.ok(connections.total <= 20)
    assert.equal(connections.total, places.length)
  }
  for (const place of places) place.release()
  assert.equal(connections.total, 0)
  for (let i = 0; i < 4; i++) connections.enter('a0', 0).assign('u0', 4)
  assert.throws(() => connections.enter('a0', 0).assign('u0', 4), { code: 'connection_limit' })
})

test('an address may connect so often, and is told when it may again', () => {
  const connections = new Connections({ ...NONE, connectsPerSecond: 2, connectBurst: 3 })
  for (let i = 0; i < 3; i++) connections.enter('a', 1000).release()
  assert.throws(() => connections.enter('a', 1000), { code: 'rate_limited', retryAfterMs: 500 })
  connections.enter('b', 1000)
  assert.throws(() => connections.enter('a', 1499), { code: 'rate_limited', retryAfterMs: 1 })
  connections.enter('a', 1500)
  assert.throws(() => connections.enter('a', 1500), { code: 'rate_limited', retryAfterMs: 500 })
  for (let i = 0; i < 3; i++) connections.enter('a', 100_000)
})

test('the rate remembers so many addresses, those that go on trying first of all', () => {
  const rate = new KeyedRate(0.001, 1, 100)
  assert.equal(rate.take('busy', 0), 0)
  for (let i = 0; i < 1000; i++) {
    assert.equal(rate.take(`a${i}`, i), 0)
    assert.ok(rate.take('busy', i) > 0)
  }
  assert.equal(rate.size, 100)
  assert.ok(rate.take('a999', 999) > 0)
  assert.equal(rate.take('a0', 999), 0, 'it was forgotten')
})
