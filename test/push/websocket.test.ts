import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Scope } from '../kit/clean-up.ts'
import { isLongForm } from '../kit/long-form.ts'
import { clientFrame, closePayload, OPCODES, RawWebSocket } from '../kit/raw-websocket.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { seededRandom } from './make-quotes.ts'
import { openPush, type Push } from './open-push.ts'

const { continuation, text, binary, close, ping, pong } = OPCODES
const LIMITS = { messagesPerSecond: 100_000, messageBurst: 100_000, refusals: 100_000 }
const FUZZ_MS = isLongForm ? 10 * 60_000 : 5_000

const open = (t: Scope, push: Push) => RawWebSocket.open(t, push.port, '/v1/stream', 'quotes.v1.json')

/** A `list` request of so many bytes; its answer shows that it arrived whole. */
function request(bytes: number, filler = ' '): Buffer {
  const message = Buffer.from('{"type":"list","id":7,"x":"')
  const end = Buffer.from('"}')
  const room = bytes - message.length - end.length
  return Buffer.concat([message, Buffer.from(filler.repeat(Math.floor(room / Buffer.byteLength(filler)))), end])
}

/** MiB in use behind a whole collection. */
function heapMib(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return Math.round(process.memoryUsage().heapUsed / 2 ** 20)
}

const SMALL = request(40)
const isAnswered = (socket: RawWebSocket) =>
  socket.messages.some(({ type, id }) => type === 'subscriptions' && id === 7)

/** Cuts a payload into fragments of so many bytes. */
function fragments(payload: Buffer, size: number): Buffer[] {
  const count = Math.max(1, Math.ceil(payload.length / size))
  return Array.from({ length: count }, (_, i) =>
    clientFrame(i === 0 ? text : continuation, payload.subarray(i * size, (i + 1) * size), { fin: i === count - 1 })
  )
}

const ACCEPTED: [title: string, frames: Buffer[]][] = [
  ['at the end of the shortest length class', [clientFrame(text, request(125))]],
  ['at the beginning of the second one', [clientFrame(text, request(126))]],
  ['of the greatest size', [clientFrame(text, request(65_536))]],
  ['in two fragments', fragments(SMALL, 20)],
  ['in fragments of one byte', fragments(SMALL, 1)],
  [
    'with an empty fragment in its middle',
    [
      clientFrame(text, SMALL.subarray(0, 9), { fin: false }),
      clientFrame(continuation, '', { fin: false }),
      clientFrame(continuation, SMALL.subarray(9))
    ]
  ],
  ['with a ping between its fragments', fragments(SMALL, 20).toSpliced(1, 0, clientFrame(ping, 'now'))],
  ['with characters that are cut by fragments', fragments(request(200, '€𝄞'), 1)],
  ['after a pong that nobody asked for', [clientFrame(pong, 'x'), clientFrame(text, SMALL)]],
  [
    'after pings of no and of the greatest length',
    [clientFrame(ping, ''), clientFrame(ping, 'p'.repeat(125)), clientFrame(text, SMALL)]
  ]
]
for (const [title, frames] of ACCEPTED) {
  const isShort = Buffer.concat(frames).length < 1_000
  for (const chopped of isShort ? [false, true] : [false]) {
    test(`a message ${title} is answered${chopped ? ', also byte by byte' : ''}`, async t => {
      const push = await openPush(t, { limits: LIMITS })
      const socket = await open(t, push)
      if (chopped) for (const byte of Buffer.concat(frames)) socket.socket.write(Buffer.from([byte]))
      else socket.send(...frames)
      await waitUntil('it is answered', () => isAnswered(socket))
      const pings =
        Buffer.concat(frames).length > 0 && frames.filter(frame => (frame[0] as number) === (0x80 | ping)).length
      await waitUntil('pings are', () => socket.frames.filter(({ opcode }) => opcode === pong).length === pings)
    })
  }
}

test('a pong carries what its ping did', async t => {
  const socket = await open(t, await openPush(t, { limits: LIMITS }))
  socket.send(clientFrame(ping, Buffer.from([0, 255, 1])))
  await waitUntil('it came', () => socket.frames.some(({ opcode }) => opcode === pong))
  assert.deepEqual([...(socket.frames.find(({ opcode }) => opcode === pong)?.payload ?? [])], [0, 255, 1])
})

const bytes = (...values: number[]) => Buffer.from(values)
const REFUSED: [title: string, code: number, frames: Buffer[]][] = [
  ['a frame without a mask', 1002, [clientFrame(text, SMALL, { mask: false })]],
  ...[1, 2, 4, 7].map((rsv): [string, number, Buffer[]] => [
    `reserved bits ${rsv}`,
    1002,
    [clientFrame(text, SMALL, { rsv })]
  ]),
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode): [string, number, Buffer[]] => [
    `reserved opcode ${opcode}`,
    1002,
    [clientFrame(opcode, '')]
  ]),
  ['a ping of 126 bytes', 1002, [clientFrame(ping, 'p'.repeat(126))]],
  ['a ping in fragments', 1002, [clientFrame(ping, 'a', { fin: false }), clientFrame(continuation, 'b')]],
  ['a continuation of nothing', 1002, [clientFrame(continuation, SMALL)]],
  [
    'a second message within the fragments of the first',
    1002,
    [clientFrame(text, 'a', { fin: false }), clientFrame(text, SMALL)]
  ],
  ['a close of one byte', 1002, [clientFrame(close, 'x')]],
  ...[0, 999, 1004, 1005, 1006, 1016, 2999, 5000, 65_535].map((code): [string, number, Buffer[]] => [
    `close code ${code}`,
    1002,
    [clientFrame(close, closePayload(code))]
  ]),
  ['a close whose reason is not UTF-8', 1007, [clientFrame(close, closePayload(1000, bytes(0xc0, 0x80)))]],
  ['an overlong character', 1007, [clientFrame(text, bytes(0xc0, 0xaf))]],
  ['half of a surrogate pair', 1007, [clientFrame(text, bytes(0xed, 0xa0, 0x80))]],
  ['a character beyond the last one', 1007, [clientFrame(text, bytes(0xf4, 0x90, 0x80, 0x80))]],
  ['a character that is cut off', 1007, [clientFrame(text, bytes(0x7b, 0xe2, 0x82))]],
  [
    'a wrong byte in the second fragment',
    1007,
    [clientFrame(text, '{', { fin: false }), clientFrame(continuation, bytes(0xff))]
  ],
  ['a message above the greatest size', 1009, [clientFrame(text, request(65_537))]],
  ['fragments that are too much together', 1009, fragments(request(70_000), 10_000)],
  ['a frame that announces 2^40 bytes', 1009, [bytes(0x81, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2, 3, 4)]]
]
for (const [title, code, frames] of REFUSED) {
  test(`${title} closes the connection with ${code}`, async t => {
    const push = await openPush(t, { limits: LIMITS })
    const socket = await open(t, push)
    socket.send(...frames)
    assert.equal(await socket.closed(), code)
    await waitUntil('it is forgotten', () => push.hub.sessions === 0)
    assert.equal(isAnswered(socket), false)
  })
}

for (const code of [1000, 1001, 1003, 1007, 1011, 3000, 4999]) {
  test(`a close with ${code} is answered with the same, and what follows it is not read`, async t => {
    const push = await openPush(t, { limits: LIMITS })
    const socket = await open(t, push)
    socket.send(clientFrame(close, closePayload(code, Buffer.from('bye €'))), clientFrame(text, SMALL))
    assert.equal(await socket.closed(), code)
    await waitUntil('it is forgotten', () => push.hub.sessions === 0)
    assert.equal(isAnswered(socket), false)
  })
}

test('a close without a code is answered without one', async t => {
  const socket = await open(t, await openPush(t, { limits: LIMITS }))
  socket.send(clientFrame(close, ''))
  assert.equal(await socket.closed(), null)
})

test('a binary message is refused with 400, and the connection lives', async t => {
  const socket = await open(t, await openPush(t, { limits: LIMITS }))
  socket.send(clientFrame(binary, SMALL), clientFrame(text, SMALL))
  await waitUntil('the next one is answered', () => isAnswered(socket))
  assert.equal(socket.messages.find(({ type }) => type === 'error')?.code, 400)
})

test('random frames and random bytes never end the gateway, leave nothing behind, and every refusal has a code', {
  timeout: FUZZ_MS + 60_000
}, async t => {
  const push = await openPush(t, { limits: { ...LIMITS, connections: 64 } })
  const seed = Date.now() % 1_000_000
  const random = seededRandom(seed)
  const below = (n: number) => Math.floor(random() * n)
  const junk = () => Buffer.from(Array.from({ length: below(300) }, () => below(256)))
  const somePayload = () => (random() < 0.5 ? junk() : request(40 + below(2_000), random() < 0.5 ? 'é' : ' '))
  const someFrame = () => {
    const frame = clientFrame(random() < 0.7 ? below(3) : below(16), somePayload(), {
      fin: random() < 0.8,
      rsv: random() < 0.95 ? 0 : below(8),
      mask: random() < 0.98
    })
    if (random() < 0.1) frame[below(frame.length)] = below(256)
    return random() < 0.05 ? frame.subarray(0, below(frame.length)) : frame
  }
  const codes = new Map<string, number>()
  const heap: number[] = []
  let connections = 0
  let lookAt = performance.now()
  for (const end = performance.now() + FUZZ_MS; performance.now() < end; connections++) {
    // Of its own: what the test keeps until its end would look like a leak.
    const socket = await open({ after: () => undefined }, push)
    for (let n = below(20); n >= 0 && socket.closeCode === undefined; n--) {
      socket.send(random() < 0.97 ? someFrame() : junk())
      if (random() < 0.3) await delay(0)
    }
    if (random() < 0.5) {
      await delay(2)
      const code = socket.closeCode === undefined ? 'none' : String(socket.closeCode)
      codes.set(code, (codes.get(code) ?? 0) + 1)
    }
    for (const { type, code } of socket.messages) if (type === 'error') assert.equal(typeof code, 'number')
    socket.socket.destroy()
    if (performance.now() > lookAt) {
      heap.push(heapMib())
      lookAt += FUZZ_MS / 40
    }
  }
  await waitUntil('no session is left', () => push.hub.sessions === 0)
  const survivor = await open(t, push)
  survivor.send(clientFrame(text, SMALL))
  await waitUntil('the gateway answers', () => isAnswered(survivor))
  t.diagnostic(
    `seed ${seed}: ${connections} connections, closed with ${JSON.stringify(Object.fromEntries(codes))}; heap in MiB ${heap.join(' ')}`
  )
  assert.deepEqual(
    [...codes.keys()].filter(
      code => !['none', '1002', '1007', '1009', 'null'].includes(code) && !/^(1\d{3}|[34]\d{3})$/.test(code)
    ),
    []
  )
  const quarter = Math.ceil(heap.length / 4)
  const [early, late] = [Math.max(...heap.slice(0, quarter)), Math.min(...heap.slice(-quarter))]
  assert.ok(late < 1.5 * early, `the heap grew from ${early} to ${late} MiB`)
  const { counters } = push.hub
  assert.equal(counters.sessionsOpened, counters.sessionsClosed + 1)
})
