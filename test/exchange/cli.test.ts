import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { waitUntil } from '../kit/wait-until.ts'

const COMMAND = join(import.meta.dirname, '../../bin/exchange.ts')

function run(t: TestContext, args: string[]) {
  const child = spawn(process.execPath, [COMMAND, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  t.after(() => child.kill('SIGKILL'))
  const output = { text: '' }
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output.text += text
    })
  }
  return { child, output, exited: once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]> }
}

test('the command starts a market that says it is a demo, and ends on SIGTERM with code 0', async t => {
  const { child, output, exited } = run(t, ['--port', '0', '--symbols', '3'])
  await waitUntil('it says where it is', () => /http:\/\/\S+/.test(output.text))
  assert.match(output.text, /DEMO exchange, prices are not real/)
  const [url] = /http:\/\/\S+/.exec(output.text)!
  const prices = (await (await fetch(`${url}/api/v3/ticker/price`)).json()) as object[]
  assert.equal(prices.length, 3)
  child.kill('SIGTERM')
  assert.deepEqual(await exited, [0, null])
})

test('a wrong option is answered with the usage and code 1', async t => {
  for (const [args, text] of [
    [['--rate', 'fast'], /--rate: expected a number, got "fast"/],
    [['--symbols', '0', '--port', '0'], /pairs: expected a whole number/],
    [['--play', 'x.gz', '--speed', '-1', '--port', '0'], /--speed/],
    [['--color', 'red'], /color/]
  ] as const) {
    const { output, exited } = run(t, [...args])
    assert.deepEqual(await exited, [1, null])
    assert.match(output.text, text)
    assert.match(output.text, /Usage: npm run exchange/)
  }
})
