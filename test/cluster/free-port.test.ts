import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { freePort } from '../../lib/cluster/free-port.ts'

/** So many of two processes that about ten would meet by chance. */
const COUNT = 400

test('two processes that look for ports at the same time never find the same', async t => {
  const file = join(import.meta.dirname, '../../lib/cluster/free-port.ts')
  const script = `
    const { freePort } = await import(${JSON.stringify(file)})
    const found = []
    for (let n = 0; n < ${COUNT}; n++) found.push(await freePort())
    console.log(JSON.stringify(found))
    setInterval(() => {}, 1_000)`
  const other = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => other.kill('SIGKILL'))
  const mine: number[] = []
  for (let n = 0; n < COUNT; n++) mine.push(await freePort())
  const [line] = await once(other.stdout, 'data')
  const theirs = JSON.parse(String(line)) as number[]
  assert.equal(new Set([...mine, ...theirs]).size, 2 * COUNT)
})
