import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Errors } from 'moleculer'
import { PRESSURE_DEFAULTS } from '../../lib/buffer/pressure.ts'
import { type BufferAction, type BufferActions, bufferOf } from '../../lib/repl/buffer-actions.ts'
import { BUFFER_COMMANDS } from '../../lib/repl/buffer-commands.ts'
import { CommandInput } from '../../lib/repl/command-input.ts'
import { EVENT_COMMANDS } from '../../lib/repl/event-commands.ts'
import { LETTER_COMMANDS } from '../../lib/repl/letter-commands.ts'
import { replCommand } from '../../lib/repl/repl-command.ts'
import { REPLAY_COMMANDS } from '../../lib/repl/replay-commands.ts'
import { STREAM_COMMANDS } from '../../lib/repl/stream-commands.ts'
import { bufferService } from '../../services/buffer.service.ts'

const SPECS = [...STREAM_COMMANDS, ...EVENT_COMMANDS, ...REPLAY_COMMANDS, ...LETTER_COMMANDS]
const STREAM = {
  name: 'quotes',
  epoch: 'e1',
  firstSequence: 11,
  lastSequence: 20,
  bytes: 1_536,
  maxBytes: 4 * 1024 ** 3,
  groups: [{ group: 'storage', delivered: 18, ackFloor: 15, pending: 5, redelivered: 1, paused: true }],
  ack: { processCrash: true, powerLoss: false, replicaLosses: 0, because: ['one server holds it', 'it is old'] }
}

type Handler = (params: Record<string, unknown>) => unknown
type Answers = Partial<Record<BufferAction, Handler>>

/** Runs what is typed against a broker that answers so. @returns the lines it printed. */
async function type(line: string, answers: Answers, options: Record<string, unknown> = {}): Promise<string[]> {
  const [name, ...words] = line.split(' ')
  const spec = SPECS.find(one => one.name === name)
  assert.ok(spec !== undefined, `there is a command ${name}`)
  const printed: string[] = []
  const call = async (action: string, params: unknown): Promise<never> => {
    const answer = answers[action.replace('buffer.', '') as BufferAction]
    if (answer === undefined) throw new Errors.ServiceNotFoundError({ action })
    return answer(params as Record<string, unknown>) as never
  }
  const command = replCommand(spec, bufferOf, text => printed.push(...text.split('\n')))
  await command.action({ call }, new CommandInput(words, options))
  return printed
}

const letter = (number: number) => ({
  number,
  stream: 'quotes',
  group: 'storage',
  event: 'quotes.received',
  reason: 'failed',
  error: 'the disk\nis full',
  deliveries: 10,
  epoch: 'e1',
  sequence: number + 100,
  node: 'storage-1',
  time: 1_795_500_000_000_000,
  bytes: 2_048
})

test('every action of the service has a command, and answers what the commands expect', async () => {
  type Served = {
    [A in BufferAction]: ServedAction<Awaited<ReturnType<BufferActions[A]>>>
  }
  type ServedAction<Answer> =
    | ((ctx: never) => Answer | Promise<Answer>)
    | { handler(ctx: never): Answer | Promise<Answer> }
  const served: Served = bufferService({ intervalMs: 1_000, limits: PRESSURE_DEFAULTS }).actions
  const called = new Set<string>()
  const broker = {
    async call(action: string): Promise<never> {
      called.add(action.replace('buffer.', ''))
      if (action === 'buffer.deadLetters') return { count: 1, letters: [letter(1)] } as never
      throw new Error('that is enough')
    }
  }
  for (const spec of SPECS) {
    const words = spec.words?.map(word => (word === 'stream' || word === 'group' ? word : '1'))
    await replCommand(spec, bufferOf, () => undefined).action(broker, new CommandInput(words ?? [], {}))
  }
  assert.deepEqual([...called].sort(), Object.keys(served).sort())
})

test('every command has a name of its own and a description of one line', () => {
  const names = BUFFER_COMMANDS.map(({ command }) => command.split(' ')[0])
  assert.equal(new Set(names).size, SPECS.length)
  for (const { command, description } of BUFFER_COMMANDS) assert.match(description, /^[A-Z][^\n]{5,60}$/, command)
})

test('streams show their room, their epoch, and what a confirmed event outlives', async () => {
  assert.deepEqual(await type('buffer-streams', { streams: () => [STREAM] }), [
    'stream  first  last  bytes     max    used  groups   epoch',
    'quotes     11    20  1.50 KiB  4 GiB  0 %   storage  e1',
    '',
    'A confirmed event outlives',
    'stream  killed process  power failure  servers lost for good  why not more',
    'quotes  yes             no                                 0  one server holds it; it is old'
  ])
})

test('the lag shows each group, and who is paused', async () => {
  const [storage] = STREAM.groups
  const latest = { ...storage, group: 'latest', pending: 0, paused: false }
  const lag = () => [storage, latest].map(group => ({ stream: 'quotes', ...group }))
  assert.deepEqual(await type('buffer-lag', { lag }), [
    'stream  group    lag  acknowledged to  delivered to  redelivered  paused',
    'quotes  storage    5               15            18            1  PAUSED',
    'quotes  latest     0               15            18            1  no'
  ])
})

test('stored events are read with a line each, and the next page is a line to type', async () => {
  const asked: unknown[] = []
  const events = [{ sequence: 12, time: 1_795_500_000_000_000, event: 'thing', payload: { n: 1 } }]
  const read: Handler = params => {
    asked.push(params)
    return { epoch: 'e1', events, next: 12 }
  }
  assert.deepEqual(await type('buffer-read quotes', { read }, { after: '11', upTo: '15', limit: '1' }), [
    'sequence  stored                    event  payload',
    '      12  2026-11-24T06:00:00.000Z  thing  { n: 1 }',
    'More: buffer-read quotes --after 12 --up-to 15 --limit 1'
  ])
  assert.deepEqual(asked, [{ stream: 'quotes', after: 11, from: undefined, upTo: 15, limit: 1 }])
})

test('a purge that is not confirmed says what it would remove, and how to confirm just that', async () => {
  const purge: Handler = ({ confirm }) => {
    if (confirm === 'quotes') return 10
    throw new Errors.MoleculerClientError('no', 409, 'NOT_CONFIRMED', { events: 10, behind: ['storage'], upTo: 20 })
  }
  assert.deepEqual(await type('buffer-purge quotes', { purge }), [
    'Nothing is removed yet. At most 10 events of stream quotes would be, up to 20.',
    'Not acknowledged in full by: storage.',
    'To remove them: buffer-purge quotes --up-to 20 --confirm quotes'
  ])
  assert.deepEqual(await type('buffer-purge quotes', { purge }, { upTo: '20', confirm: 'quotes' }), [
    'Removed 10 events of stream quotes.'
  ])
})

test('dead letters are listed with a line each', async () => {
  const deadLetters = () => ({ count: 2, letters: [letter(1)] })
  assert.deepEqual(await type('buffer-letters', { deadLetters }, { limit: '1' }), [
    'letter  given up                  stream  group    event            size   tries  reason  error',
    '     1  2026-11-24T06:00:00.000Z  quotes  storage  quotes.received  2 KiB     10  failed  the disk is full',
    '1 of 2.',
    'More: buffer-letters --after 1'
  ])
})

test('all dead letters are tried again, page after page, each by itself', async () => {
  const letters = Array.from({ length: 150 }, (_, index) => letter(index + 1))
  const deadLetters: Handler = ({ after, limit }) => ({
    count: letters.length,
    letters: letters.filter(({ number }) => number > Number(after)).slice(0, Number(limit))
  })
  const tried: number[] = []
  const retryDeadLetters: Handler = ({ numbers }) => {
    const [number] = numbers as number[]
    assert.ok(number !== undefined)
    tried.push(number)
    if (number === 7) return { handled: [], failed: [{ number, error: 'the disk is full' }], left: [] }
    if (number === 9) return { handled: [], failed: [], left: [number] }
    return { handled: number === 8 ? [] : [number], failed: [], left: [] }
  }
  assert.deepEqual(await type('buffer-retry all', { deadLetters, retryDeadLetters }), [
    'Letter 7 stays: the disk is full',
    'Letter 9 stays until its handler, which is still at it, ends well.',
    '147 handled and removed, 2 stay; not there: 8.'
  ])
  assert.deepEqual(
    tried,
    letters.map(({ number }) => number)
  )
})

test('replays show how far they are, and why they wait', async () => {
  const report = { id: 3, stream: 'quotes', group: 'storage', position: 12, upTo: 20, handled: 1, failed: 1 }
  const errors = [{ sequence: 12, error: 'no\nsuch table' }]
  const lines = await type('buffer-replays', { replays: () => [{ ...report, errors, state: 'waiting' }] })
  assert.deepEqual(lines.slice(1), [
    '     3  quotes  storage  waiting       12       20        1       1',
    'Replay 3, event 12: no such table',
    'Waiting: no node handles storage, or what it needs is away.'
  ])
})

test('what the service refuses is one line', async () => {
  const streams = () => {
    throw new Errors.MoleculerClientError('expected one of quotes, work, got nothings', 404, 'UNKNOWN_STREAM')
  }
  assert.deepEqual(await type('buffer-streams', { streams }), [
    'buffer-streams: unknown stream: expected one of quotes, work, got nothings'
  ])
  const read = () => {
    const data = [{ message: "The 'limit' field must be less than or equal to 1000." }]
    throw new Errors.MoleculerClientError('Parameters validation error!', 422, 'VALIDATION_ERROR', data)
  }
  assert.deepEqual(await type('buffer-read quotes', { read }, { limit: '5000' }), [
    "buffer-read: validation error: The 'limit' field must be less than or equal to 1000."
  ])
})

test('without a buffer service the line says so', async () => {
  assert.deepEqual(await type('buffer-lag', {}), [
    'buffer-lag: no node that is known here runs the service buffer: see nodes and services'
  ])
})

test('a defect of a command is not told as if the service had refused', async () => {
  await assert.rejects(type('buffer-lag', { lag: () => null }), TypeError)
})
