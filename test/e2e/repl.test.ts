import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { cleanUp } from '../kit/clean-up.ts'
import { waitUntil } from '../kit/wait-until.ts'

const ROOT = join(import.meta.dirname, '../..')

test('the REPL answers calls on the embedded system, and the end of its input ends the system', async t => {
  const dir = await mkdtemp(join(tmpdir(), 'quotecast-repl-'))
  cleanUp(t, () => rm(dir, { recursive: true, force: true }))
  const child = spawn(process.execPath, [join(ROOT, 'bin/quotecast.js'), '--repl'], {
    cwd: ROOT,
    env: { PATH: process.env.PATH, HOME: dir, PORT: '0', HISTORY: `sqlite:${join(dir, 'history.db')}` },
    stdio: ['pipe', 'pipe', 'pipe']
  })
  cleanUp(t, () => child.kill('SIGKILL'))
  let output = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    output += text
  })
  await waitUntil('the prompt is shown', () => output.includes('mol $'))
  child.stdin.write('call buffer.lag\n')
  await waitUntil('the call is answered', () => /ackFloor/.test(output))
  const exited = once(child, 'exit')
  child.stdin.end()
  assert.deepEqual(await exited, [0, null])
})
