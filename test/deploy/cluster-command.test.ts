import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createConnection } from 'node:net'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { waitUntil } from '../kit/wait-until.ts'

const ROOT = join(import.meta.dirname, '../..')

/** Whether something listens on a port of this machine. */
function isOpen(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = createConnection(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

test('npm run cluster brings quotes to every gateway within the rights of deploy/nats, and SIGTERM ends all of it', async t => {
  const cluster = spawn(
    process.execPath,
    [join(ROOT, 'bin/cluster.ts'), '--port', '0', '--gateway', '2', '--relay', '1'],
    {
      cwd: ROOT
    }
  )
  t.after(() => cluster.kill('SIGTERM'))
  const exited = once(cluster, 'exit')
  let output = ''
  for (const stream of [cluster.stdout, cluster.stderr]) {
    stream.setEncoding('utf8').on('data', text => {
      output += text
    })
  }
  await waitUntil(
    'both gateways are ready',
    () => {
      assert.equal(cluster.exitCode, null, output.slice(-4_000))
      return (output.match(/ ready: http/g) ?? []).length === 2
    },
    60_000
  )
  const gateways = [...output.matchAll(/ ready: (\S+)/g)].map(([, url = '']) => new URL(url))
  for (const url of gateways) {
    await waitUntil(`${url} has quotes of the feed and of the fetchers`, async () => {
      const response = await fetch(new URL('/api/v1/quotes?keys=binance:spot:BTC-USDT', url))
      const { data } = (await response.json()) as { data: Record<string, unknown>[] }
      const [row] = data
      // The book comes only by the feed, the day's volume only by the fetchers.
      return row?.bid !== undefined && row?.volume !== undefined
    })
  }
  // It has read the stream and asked the broker.
  await waitUntil('the relay says that no queue is bound', () => /relay-1 .*relay\.held.*unroutable/.test(output))
  assert.doesNotMatch(output, /Violation/, 'nobody is refused what it needs on the bus')
  assert.doesNotMatch(output, /ended by itself/)

  const envFile = /--env-file=(\S+)/.exec(output)?.[1] ?? ''
  assert.ok(existsSync(envFile))
  cluster.kill('SIGTERM')
  const [code] = await exited
  assert.equal(code, 0, output.slice(-4_000))
  assert.doesNotMatch(output, /; killed/, 'everything ended by itself in time')
  assert.ok(!existsSync(dirname(envFile)), 'the temporary directory is removed')
  for (const { port } of gateways) assert.equal(await isOpen(Number(port)), false)
})

test('a mistaken option is named, and nothing is started', async () => {
  const cluster = spawn(process.execPath, [join(ROOT, 'bin/cluster.ts'), '--gateway', 'many'], { cwd: ROOT })
  let output = ''
  cluster.stderr.setEncoding('utf8').on('data', text => {
    output += text
  })
  const [code] = await once(cluster, 'exit')
  assert.equal(code, 2)
  assert.match(output, /--gateway: expected a number/)
})
