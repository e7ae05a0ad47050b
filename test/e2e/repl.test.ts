import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { COMMANDS } from '../../lib/repl/commands.ts'
import { cleanUp } from '../kit/clean-up.ts'
import { startNatsServer } from '../kit/nats-server.ts'
import { ProtocolClient } from '../kit/protocol-client.ts'
import { startNode } from '../kit/quotecast-node.ts'
import { waitUntil } from '../kit/wait-until.ts'

const ROOT = join(import.meta.dirname, '../..')
const PROMPT = 'mol $ '

interface Repl {
  child: ChildProcess
  /** Types a line. @returns what is printed until the next prompt. */
  ask(line: string): Promise<string>
  /** Types a line again and again until what it prints matches. */
  askUntil(line: string, expected: RegExp): Promise<string>
}

/** `npm run repl` as a person starts it, without its logs and in a directory of its own. */
async function openRepl(t: TestContext, env: Record<string, string> = {}): Promise<Repl> {
  const dir = await mkdtemp(join(tmpdir(), 'quotecast-repl-'))
  cleanUp(t, () => rm(dir, { recursive: true, force: true }))
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', join(ROOT, 'bin/quotecast.js'), '--repl'],
    {
      cwd: dir,
      env: {
        PATH: process.env.PATH,
        HOME: dir,
        PORT: '0',
        HISTORY: `sqlite:${join(dir, 'history.db')}`,
        CONFIG: join(ROOT, 'config/markets.yaml'),
        LOG_LEVEL: 'silent',
        ...env
      },
      stdio: ['pipe', 'pipe', 'inherit']
    }
  )
  cleanUp(t, () => child.kill('SIGKILL'))
  let output = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    output += text
  })
  await waitUntil('the prompt is shown', () => output.includes(PROMPT))
  const ask = async (line: string) => {
    output = ''
    child.stdin.write(`${line}\n`)
    await waitUntil(`${line} is answered`, () => output.endsWith(PROMPT))
    return output.slice(0, -PROMPT.length).trimEnd()
  }
  const askUntil = async (line: string, expected: RegExp) => {
    let answer = ''
    await waitUntil(`${line} shows ${expected}`, async () => {
      answer = await ask(line)
      return expected.test(answer)
    })
    return answer
  }
  return { child, ask, askUntil }
}

test('the REPL answers calls on the embedded system, and the end of its input ends the system', async t => {
  const { child, ask } = await openRepl(t)
  assert.match(await ask('call buffer.lag'), /ackFloor/)
  const exited = once(child, 'exit')
  child.stdin?.end()
  assert.deepEqual(await exited, [0, null])
})

test('a person repairs the buffer of the embedded system by the commands of the REPL', async t => {
  const { ask, askUntil } = await openRepl(t)
  const help = await ask('help')
  for (const { command, description } of COMMANDS) {
    const [name = ''] = command.split(' ')
    const line = help.split('\n').find(one => one.trim().split(' ')[0] === name)
    assert.ok(line?.includes(description), `help tells of ${name}`)
  }
  assert.match(await ask('help buffer-read'), /--from \[time\] .*10m, 2h ago/s)
  assert.match(
    await ask('buffer-streams'),
    /^stream .*\nquotes +\d+ .*64 MiB .*storage, latest\b.*\boutlives\n.*\nquotes +no +no +0 +the stream is in the memory/s
  )

  // A paused group keeps what comes in the stream.
  assert.match(await ask('buffer-pause quotes storage'), /is paused.*\nTo go on: buffer-resume quotes storage/)
  await askUntil('buffer-lag', /^quotes +storage +([3-9]|\d\d+) .* PAUSED$/m)
  const page = await ask('buffer-read quotes --from 1h --limit 2')
  assert.match(page, /^ *\d+ {2}\d{4}-\d\d-\d\dT[\d:.]+Z {2}quotes\.received {2}\{ source: /m)
  const [, more = '', second = ''] = /More: (buffer-read quotes --after (\d+) --limit 2)$/.exec(page) ?? []
  const [first] = /^ *\d+(?= )/m.exec(await ask(more)) ?? []
  assert.equal(Number(first), Number(second) + 1, 'the offered command goes on behind the page')
  assert.match(await ask(`${more} --full`), /key: '[\w-]+:spot:/)

  assert.match(await ask('buffer-replay quotes latest --from 10m'), /^Replay 1 .*buffer-stop-replay 1/)
  await askUntil('buffer-replays', /^ *1 +quotes +latest +done +\d+ +\d+ +[1-9]\d* +0$/m)
  assert.equal(await ask('buffer-stop-replay 1'), 'Replay 1 stops.')

  const question = await ask('buffer-purge quotes')
  assert.match(question, /^Nothing is removed yet\. At most \d+ events .*\nNot acknowledged in full by: storage/)
  const [, confirm = ''] = /To remove them: (buffer-purge .*)$/.exec(question) ?? []
  assert.match(await ask(confirm), /^Removed [1-9]\d* events of stream quotes\.$/)
  assert.match(await ask('buffer-resume quotes storage'), /goes on/)
  await askUntil('buffer-lag', /^quotes +storage .* no$/m)

  // An event that no fetcher can take.
  await ask('emit fetch.due --job nonsense')
  const letters = await askUntil('buffer-letters', /^ *1 .*Z +work +fetcher +fetch\.due .* invalid /m)
  assert.match(letters, /^1 of 1\.$/m)
  assert.match(await ask('buffer-letter 1'), /given up by fetcher .*\n\{ job: 'nonsense' \}/s)
  assert.match(await ask('buffer-retry all'), /^Letter 1 stays: .*\n0 handled and removed, 1 stay\.$/)
  assert.equal(await ask('buffer-remove 1 2'), 'Removed 1 of 2; the others were not there.')
  assert.equal(await ask('buffer-letters'), 'There is no dead letter.')
  assert.match(await ask('buffer-stats'), /^dead lettered +1$/m)

  for (const [line, answer] of [
    [
      'buffer-read nothings',
      'buffer-read: unknown stream: expected one of the streams that can be read now (quotes, work), got nothings'
    ],
    [
      'buffer-purge nothings --confirm nothings',
      'buffer-purge: unknown stream: expected one of the streams that can be read now (quotes, work), got nothings'
    ],
    ['buffer-letter 5', 'buffer-letter: unknown letter: there is no dead letter 5'],
    ['buffer-read quotes --from', 'buffer-read: expected --from [time], got no value'],
    ['buffer-read quotes --form 5m', 'buffer-read: there is no option --form, see help buffer-read'],
    ['buffer-lag quotes', 'buffer-lag: expected 0 words, got also quotes, see help buffer-lag']
  ] as const) {
    assert.equal(await ask(line), answer)
  }
})

test('a person looks after the clients of the embedded system by the commands of the REPL', async t => {
  const { ask, askUntil } = await openRepl(t)
  const [, port] =
    /(\d{4,5})/.exec(stripVTControlCharacters(await ask('call gateway.address')).split('port:')[1] ?? '') ?? []
  await askUntil('gateways', /^\S+ +yes +no +0 /m)
  const client = await ProtocolClient.connect(t, Number(port))
  await client.subscribe({ patterns: ['*:*:*'] })
  const id = String(client.welcome.session)
  assert.match(await ask('sessions --plan open'), new RegExp(`^${id} .* - +open +127.0.0.1 +websocket `, 'm'))
  assert.match(await ask(`session ${id}`), /^may see +\*:\*:\*$/m)
  assert.match(await ask('limits --set symbols=5'), /: symbols was 20000, is 5 until the next start\.$/)
  assert.match(await ask(`kick ${id}`), /^Closed 1, told not to come back\./)
  await waitUntil('it was closed', () => client.closed?.code === 4003)
  assert.equal(await ask('sessions --users x'), 'sessions: there is no option --users, see help sessions')
})

test('the commands work on a cluster, and say when it has no buffer', async t => {
  const { server } = await startNatsServer(t)
  // Neither a REPL nor the buffer opens the stores that a cluster must name.
  const env = { TRANSPORTER: `nats://${server}`, HISTORY: 'mysql://nobody@localhost/none', LATEST: 'redis://localhost' }
  const { ask, askUntil } = await openRepl(t, env)
  const missing = 'buffer-lag: no node that is known here runs the service buffer: see nodes and services'
  assert.equal(await ask('buffer-lag'), missing)
  const node = await startNode(t, 'buffer', env)
  await askUntil('buffer-lag', /^quotes +storage +0 /m)
  assert.match(await ask('buffer-streams'), /^quotes +yes .*one server holds it$/m)
  assert.equal(await ask('buffer-purge quotes'), 'Stream quotes holds nothing up to 0.')
  assert.match(await ask('buffer-pause quotes nobody'), /^buffer-pause: unknown group: expected .*, got nobody$/)
  await node.stop()
  await askUntil('buffer-lag', new RegExp(missing))
})
