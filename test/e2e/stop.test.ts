import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startNatsServer } from '../kit/nats-server.ts'
import { startNode } from '../kit/quotecast-node.ts'

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

test('a wrong configuration is reported whole, and nothing starts', async t => {
  const start = startNode(t, 'gateway', { PORT: 'eighty', TRANSPORTER: 'kafka://x', CONFIG: 'no/such/file.yaml' })
  await assert.rejects(start, (error: Error) => {
    assert.match(error.message, /ended with 1: quotecast did not start: the configuration has 2 mistakes:/)
    assert.match(error.message, /PORT: expected a port from 0 to 65535, got "eighty"/)
    assert.match(error.message, /TRANSPORTER: expected memory:/)
    return true
  })
})
