import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Child } from '../../lib/cluster/child.ts'
import { waitUntil } from '../kit/wait-until.ts'

interface Seen {
  lines: string[]
  delays: number
  resets: number
}

function makeChild(t: TestContext, script: string, command = process.execPath): { child: Child; seen: Seen } {
  const seen: Seen = { lines: [], delays: 0, resets: 0 }
  const child = new Child({
    name: 'sample',
    command,
    args: ['-e', script],
    env: { GREETING: 'hello' },
    print: (_name, line) => seen.lines.push(line),
    backOff: {
      next: () => {
        seen.delays++
        return 1
      },
      reset: () => {
        seen.resets++
      }
    }
  })
  t.after(() => child.kill())
  return { child, seen }
}

test('a child that ends by itself is said and started again after the back-off', async t => {
  const { child, seen } = makeChild(t, 'console.log(process.env.GREETING); process.exit(3)')
  child.start()
  await waitUntil('it ended twice', () => child.restarts >= 2)
  await child.stop()
  assert.equal(seen.lines[0], 'hello')
  assert.ok(seen.lines.some(line => line.startsWith('ended by itself (exit code 3)')))
  assert.equal(seen.delays, child.restarts)
  assert.equal(seen.resets, 0, 'it was never well')
})

test('a child that is killed is started again as another process', async t => {
  const { child } = makeChild(t, 'setInterval(() => {}, 1000); console.log("up")')
  child.start()
  const first = child.pid
  assert.ok(first !== undefined)
  process.kill(first, 'SIGKILL')
  await waitUntil('it runs again', () => child.pid !== undefined && child.pid !== first)
  assert.equal(child.restarts, 1)
})

test('stop ends a child for good, and may be called again', async t => {
  const { child, seen } = makeChild(t, 'setInterval(() => {}, 1000); console.log("up")')
  child.start()
  await waitUntil('it runs', () => seen.lines.includes('up'))
  const { pid } = child
  await child.stop()
  await child.stop()
  assert.throws(() => process.kill(pid!, 0), { code: 'ESRCH' })
  assert.equal(child.restarts, 0)
})

test('a command that does not exist is said and tried again, not thrown', async t => {
  const { child, seen } = makeChild(t, '', 'no-such-command-here')
  child.start()
  await waitUntil('it failed twice', () => child.restarts >= 2)
  await child.stop()
  assert.match(seen.lines[0] ?? '', /ENOENT/)
})
