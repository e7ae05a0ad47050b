import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ChangeSignal } from '../../lib/transport/change-signal.ts'
import { InTurn } from '../../lib/transport/in-turn.ts'

test('a change between reading and waiting is not missed', async () => {
  const signal = new ChangeSignal()
  const before = signal.count
  signal.raise('resumed')
  await signal.wait(before, 60_000)
  const heard: string[] = []
  const off = signal.onChange(reason => heard.push(reason))
  const next = signal.wait(signal.count, 60_000)
  signal.raise('paused')
  await next
  off()
  signal.raise('nobody listens')
  assert.deepEqual(heard, ['paused'])
})

test('waiting ends by being woken, which is no change', async () => {
  const signal = new ChangeSignal()
  const waiting = signal.wait(0, 60_000)
  signal.wake()
  await waiting
  assert.equal(signal.count, 0)
})

test('what has the same name runs one after the other, also after a failure', async () => {
  const turns = new InTurn()
  const log: string[] = []
  const gate = Promise.withResolvers<void>()
  const work = async (name: string) => {
    log.push(`${name} begins`)
    await gate.promise
    log.push(`${name} ends`)
    if (name === 'a1') throw new Error('a1 fails')
    return name
  }
  const first = turns.run('a', () => work('a1'))
  const second = turns.run('a', () => work('a2'))
  const other = turns.run('b', () => work('b1'))
  gate.resolve()
  await assert.rejects(first, /a1 fails/)
  assert.deepEqual(await Promise.all([second, other]), ['a2', 'b1'])
  assert.ok(log.indexOf('a2 begins') > log.indexOf('a1 ends'))
  assert.ok(log.indexOf('b1 begins') < log.indexOf('a1 ends'))
})
