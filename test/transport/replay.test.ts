import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect } from 'nats'
import { readPage } from '../../lib/buffer/read-page.ts'
import { Replays } from '../../lib/buffer/replays.ts'
import { DRAINING } from '../../lib/transport/delivery.ts'
import { Replay } from '../../lib/transport/replay.ts'
import { streamControlOf } from '../../lib/transport/stream-control.ts'
import { cleanUp } from '../kit/clean-up.ts'
import { startNatsServer } from '../kit/nats-server.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { happen, listener, makeNode, range } from './things.ts'

const never = () => new Promise<void>(() => undefined)

test('a replay whose handler does not end is stopped all the same, and its event is not counted', async t => {
  let replaying = false
  const first = listener('first', () => (replaying ? never() : undefined))
  const node = await makeNode(t, { kind: 'memory' }, [first.schema])
  await node.start()
  for (const n of range(0, 3)) await happen(node, n)
  await waitUntil('all came', () => first.seen.length === 3)
  replaying = true
  const control = streamControlOf(node)
  const { epoch } = (await control.streams())[0]!
  const replays = new Replays()
  replays.start({ control, stream: 'things', group: 'first', epoch, after: 0, upTo: 3 })
  await waitUntil('its handler runs', () => first.seen.length === 4)
  await replays.close()
  const [report] = replays.reports()
  assert.deepEqual([report?.state, report?.position, report?.handled], ['stopped', 0, 0])
})

test('a node whose publishers do not end still finishes what is confirmed', async t => {
  let away = true
  const first = listener('first', () => {
    if (away) throw Object.assign(new Error('away'), { retryable: true })
  })
  const stuck = { name: 'stuck', events: { [DRAINING]: never } }
  const options = { retryBaseMs: 60_000, retryCapMs: 60_000 }
  const node = await makeNode(t, { kind: 'memory' }, [first.schema, listener('second').schema, stuck], options)
  await node.start()
  for (const n of range(0, 20)) await happen(node, n)
  await waitUntil('the group has failed', () => first.seen.length === 20)
  away = false
  let stopped = false
  void node.stop().then(() => {
    stopped = true
  })
  await waitUntil('it is stopped', () => stopped)
  assert.equal(streamControlOf(node).counters().abandoned, 0)
})

test('SIGTERM with a running replay loses no confirmed event in one process', async t => {
  const dir = await mkdtemp(join(tmpdir(), 'quotecast-replay-'))
  cleanUp(t, () => rm(dir, { recursive: true, force: true }))
  const file = join(dir, 'handled')
  const child = spawn(process.execPath, [join(import.meta.dirname, 'replay-until-ended.ts'), file], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  cleanUp(t, () => child.kill('SIGKILL'))
  let output = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    output += text
  })
  await waitUntil('its replay hangs', () => output.includes('replaying'))
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  assert.deepEqual(await exited, [0, null])
  const confirmed = Number(/confirmed (\d+)/.exec(output)?.[1])
  const handled = new Set((await readFile(file, 'utf8')).trim().split('\n').map(Number))
  assert.ok(confirmed > 0)
  assert.deepEqual(
    range(0, confirmed).filter(n => !handled.has(n)),
    []
  )
})

test('a replay of a stream that was made anew ends there, and labels no event with the old epoch', async t => {
  const nats = await startNatsServer(t)
  let away = false
  const first = listener('first', () => {
    if (away) throw Object.assign(new Error('away'), { retryable: true })
  })
  const node = await makeNode(t, { kind: 'nats', servers: [nats.server] }, [first.schema])
  await node.start()
  for (const n of range(0, 4)) await happen(node, n)
  await waitUntil('all came', () => first.seen.length === 4)
  const control = streamControlOf(node)
  const { epoch } = (await control.streams())[0]!
  const whole = { stream: 'things', epoch, after: 0, upTo: 4 }
  assert.equal((await readPage(control, whole)).events.length, 4)
  away = true
  const replay = new Replay({ control, group: 'first', ...whole, retryCapMs: 50 })
  await waitUntil('it waits', () => replay.state.state === 'waiting')

  const admin = await connect({ servers: nats.server })
  cleanUp(t, () => admin.close())
  await (await admin.jetstreamManager()).streams.delete('MOL-things')
  for (const n of range(10, 14)) await happen(node, n)
  away = false
  await waitUntil('the replay has ended', () => !['running', 'waiting'].includes(replay.state.state))
  const { state, handled, errors } = replay.state
  assert.deepEqual([state, handled], ['broken', 1])
  assert.match(errors[0]?.error ?? '', /made anew: expected epoch/)
  await waitUntil('the new ones came', () => range(10, 14).every(n => first.numbers().includes(n)))
  assert.deepEqual(
    first.seen.filter(seen => seen.epoch === epoch && seen.n >= 10),
    []
  )
  assert.deepEqual(await readPage(control, whole), { epoch, events: [], next: null })
})
