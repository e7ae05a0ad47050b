import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Health } from '../../lib/egress/health.ts'

function setUp() {
  let nowMs = 0
  const health = new Health({ monotonicMs: () => nowMs, random: () => 0.5 })
  return { health, wait: (ms: number) => (nowMs += ms) }
}

test('a fault cools for 5 s, doubling up to 5 minutes, with one probe after each', () => {
  const { health, wait } = setUp()
  const coolings: number[] = []
  for (let i = 0; i < 8; i++) {
    health.fault()
    assert.equal(health.usable, false)
    let waited = 0
    while (!health.usable) {
      wait(1_000)
      waited++
    }
    coolings.push(waited)
    health.begin()
    assert.equal(health.usable, false, 'only one request probes')
  }
  assert.deepEqual(coolings, [5, 10, 20, 40, 80, 160, 300, 300])
  health.succeed()
  assert.equal(health.usable, true)
  health.fault()
  wait(5_000)
  assert.equal(health.usable, true, 'a success sets the time back')
})

test('jitter spreads a cooling by a quarter either way', () => {
  for (const [random, ms] of [
    [0, 3_750],
    [1, 6_250]
  ] as const) {
    const health = new Health({ monotonicMs: () => 0, random: () => random })
    health.fault()
    assert.equal(health.until, ms)
  }
})

test('two half faults in a row are a fault, and a success between them clears the first', () => {
  const { health } = setUp()
  health.halfFault()
  health.succeed()
  health.halfFault()
  assert.equal(health.state, 'ok')
  health.halfFault()
  assert.equal(health.state, 'cooling')
})

test('a probe that says nothing is repeated; one that half fails cools again', () => {
  const { health, wait } = setUp()
  health.fault()
  wait(5_000)
  health.begin()
  health.unknown()
  assert.equal(health.usable, true)
  health.begin()
  health.halfFault()
  assert.equal(health.usable, false)
})

test('a disabled credential stays disabled', () => {
  const { health, wait } = setUp()
  health.disable()
  health.succeed()
  health.fault()
  wait(1_000_000)
  assert.equal(health.state, 'disabled')
  assert.equal(health.usable, false)
})
