import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { cleanUp } from '../kit/clean-up.ts'
import { startNatsServer } from '../kit/nats-server.ts'
import { startNode } from '../kit/quotecast-node.ts'
import { waitUntil } from '../kit/wait-until.ts'

test('a process whose NATS server has died still ends by itself at SIGTERM', async t => {
  const nats = await startNatsServer(t)
  const env = {
    TRANSPORTER: `nats://${nats.server}`,
    HISTORY: 'mysql://none@127.0.0.1/none',
    LATEST: 'redis://127.0.0.1'
  }
  const node = await startNode(t, 'exchange,feed,fetcher,scheduler', env)
  await nats.kill9()
  const began = Date.now()
  const code = await node.stop()
  t.diagnostic(`SIGTERM to exit ${Date.now() - began} ms with code ${code}`)
  assert.equal(code, 0, node.output().slice(-2_000))
})

test('a process whose output loses its reader while it stops still ends', async t => {
  const dir = await mkdtemp(join(tmpdir(), 'quotecast-unread-'))
  cleanUp(t, () => rm(dir, { recursive: true, force: true }))
  // The reader must go between two log lines of the stop: several tries meet that moment.
  for (const pauseMs of [0, 3, 6, 9, 12, 15]) {
    const child = spawn(process.execPath, ['bin/quotecast.js'], {
      cwd: join(import.meta.dirname, '../..'),
      env: { PATH: process.env.PATH, PORT: '0', HISTORY: `sqlite:${join(dir, 'history.db')}` },
      stdio: ['ignore', 'pipe', 'pipe']
    })
    cleanUp(t, () => child.kill('SIGKILL'))
    let output = ''
    child.stdout.setEncoding('utf8').on('data', text => {
      output += text
    })
    await waitUntil('it has started', () => output.includes('quotecast started'))
    child.kill('SIGTERM')
    await delay(pauseMs)
    child.stdout.destroy()
    child.stderr.destroy()
    await waitUntil('it has ended', () => child.exitCode !== null || child.signalCode !== null, 10_000)
    assert.deepEqual([child.exitCode, child.signalCode], [0, null])
  }
})

test('a wrong configuration is reported whole, and nothing starts', async t => {
  const start = startNode(t, 'gateway', { PORT: 'eighty', TRANSPORTER: 'kafka://x', CONFIG: 'no/such/file.yaml' })
  await assert.rejects(start, (error: Error) => {
    assert.match(error.message, /ended with 1: quotecast did not start: the configuration has 2 mistakes:/)
    assert.match(error.message, /PORT: expected a port from 0 to 65535, got "eighty"/)
    assert.match(error.message, /TRANSPORTER: expected memory:/)
    return true
  })
})
