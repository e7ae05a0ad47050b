import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode, encode } from '@msgpack/msgpack'
import { pack } from '../../lib/push/pack.ts'
import { UnpackError, unpack } from '../../lib/push/unpack.ts'
import { clientFrame, OPCODES, RawWebSocket } from '../kit/raw-websocket.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { seededRandom } from './make-quotes.ts'
import { openPush } from './open-push.ts'

const powers = [5, 7, 8, 15, 16, 31, 32, 52, 53].flatMap(bits => [
  2 ** bits - 1,
  2 ** bits,
  -(2 ** bits),
  1 - 2 ** bits
])
const SAFE = powers.filter(Number.isSafeInteger)
const VALUES: unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  0.5,
  1e308,
  ...SAFE,
  ...[0, 1, 31, 32, 255, 256, 65_535, 65_536].flatMap(length => ['x'.repeat(length), 'é'.repeat(length / 2)]),
  '𝄞\u0000',
  ...[0, 15, 16, 65_535, 65_536].map(length => Array.from({ length }, (_, i) => i % 200)),
  ...[1, 15, 16, 70_000].map(length => Object.fromEntries(Array.from({ length }, (_, i) => [`k${i}`, i]))),
  { a: [{ b: null }], c: '' }
]
const packed = (value: unknown) => Buffer.from(pack(value), 'latin1')

test('what is packed is read by another implementation, and what it packs is read here', () => {
  for (const value of VALUES) {
    assert.deepEqual(decode(packed(value)), value)
    assert.equal(JSON.stringify(unpack(Buffer.from(encode(value)))), JSON.stringify(value))
    assert.equal(JSON.stringify(unpack(packed(value))), JSON.stringify(value))
  }
})

test('integers are packed as integers of the shortest form up to 2^53, and never as floats', () => {
  for (const value of SAFE) {
    assert.deepEqual(packed(value), Buffer.from(encode(value)))
    assert.equal([0xca, 0xcb].includes(packed(value)[0]!), false)
  }
  assert.equal(packed(1_700_000_000_000_000)[0], 0xcf)
})

test('fields that are undefined are left out, as in JSON', () => {
  assert.deepEqual(decode(packed({ a: undefined, b: 1 })), { b: 1 })
})

const bytes = (...values: number[]) => Buffer.from(values)
const nested = (depth: number) => Buffer.concat([Buffer.alloc(depth, 0x91), bytes(0xc0)])
const LONG = 60_000
const BAD: [title: string, data: Buffer][] = [
  ['nothing', bytes()],
  ['a text that is cut off', bytes(0xa5, 0x61)],
  ['an integer that is cut off', bytes(0xcf, 0, 0)],
  ['a float that is cut off', bytes(0xcb, 0)],
  ['a length that is cut off', bytes(0xdf, 0, 0)],
  ['a map that is cut off', bytes(0x82, 0xa1, 0x61, 0xc0)],
  ['a list of 2^32 - 1', bytes(0xdd, 255, 255, 255, 255, 0xc0)],
  ['a map of 2^32 - 1', bytes(0xdf, 255, 255, 255, 255, 0xa0, 0xc0)],
  ['a text of 2^32 - 1', bytes(0xdb, 255, 255, 255, 255, 0x61)],
  ['lists of 65,535 within each other', Buffer.concat(Array.from({ length: 20_000 }, () => bytes(0xdc, 255, 255)))],
  ['lists 17 deep', nested(17)],
  ['lists 60,000 deep', nested(LONG)],
  ['maps 60,000 deep', Buffer.concat(Array.from({ length: LONG / 3 }, () => bytes(0x81, 0xa1, 0x61)))],
  ['a map as the key of a map', Buffer.concat([Buffer.alloc(LONG, 0x81), bytes(0xc0)])],
  ['a byte string', bytes(0xc4, 1, 0)],
  ['an extension', bytes(0xd4, 1, 0)],
  ['a long extension', bytes(0xc9, 255, 255, 255, 255, 1)],
  ['a timestamp', Buffer.from(encode(new Date(0)))],
  ['the type that does not exist', bytes(0xc1)],
  ['a number as a key', bytes(0x81, 1, 0xc0)],
  ['nil as a key', bytes(0x81, 0xc0, 0xc0)],
  ['a key twice', bytes(0x82, 0xa1, 0x61, 1, 0xa1, 0x61, 1)],
  ['__proto__ as a key', packed(JSON.parse('{"__proto__":{"type":"list"}}'))],
  ['a wrong character', bytes(0xa2, 0xc0, 0x80)],
  ['2^53', bytes(0xcf, 0, 0x20, 0, 0, 0, 0, 0, 0)],
  ['-2^53', bytes(0xd3, 0xff, 0xe0, 0, 0, 0, 0, 0, 0)],
  ['not a number', bytes(0xca, 0x7f, 0xc0, 0, 0)],
  ['an infinite number', bytes(0xcb, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0)],
  ['a second value', bytes(0xc0, 0xc0)],
  ['no map', bytes(0x91, 0xc0)]
]

test('sixteen lists within each other are read', () => {
  assert.equal(JSON.stringify(unpack(nested(16))), `${'['.repeat(16)}null${']'.repeat(16)}`)
})

test('names that every object knows are names like any other', () => {
  assert.deepEqual(unpack(packed({ toString: 1, constructor: null })), { toString: 1, constructor: null })
})

const LIMITS = { messagesPerSecond: 1e6, messageBurst: 1e6, refusals: 1e6 }
const messagesOf = ({ frames }: RawWebSocket) =>
  frames.flatMap(({ opcode, payload }) =>
    opcode === OPCODES.binary ? [decode(payload) as { type: string; code?: number; id?: unknown }] : []
  )

test('bytes that are not MessagePack as the protocol takes it are answered with 400, and the connection lives', async t => {
  const push = await openPush(t, { limits: LIMITS })
  const socket = await RawWebSocket.open(t, push.port, '/v1/stream', 'quotes.v1.msgpack')
  for (const [title, data] of BAD) {
    const before = messagesOf(socket).length
    socket.send(clientFrame(OPCODES.binary, data))
    await waitUntil(`${title} is answered`, () => messagesOf(socket).length > before)
    assert.equal(messagesOf(socket).at(-1)?.code, 400, title)
  }
  socket.send(clientFrame(OPCODES.binary, Buffer.from(encode({ type: 'list', id: 7 }))))
  await waitUntil('the next one is answered', () => messagesOf(socket).some(({ id }) => id === 7))
  assert.equal(push.hub.counters.messagesBad, BAD.length)
})

test('random bytes and messages with random faults are read or refused, and nothing else', () => {
  const random = seededRandom(11)
  const below = (n: number) => Math.floor(random() * n)
  const sample = Buffer.from(
    encode({ type: 'subscribe', id: 1, subs: [{ keys: ['a:b:c', 'é:b:c'], fields: ['last'], since: { q: 2 ** 40 } }] })
  )
  let refused = 0
  for (let i = 0; i < 50_000; i++) {
    const data = random() < 0.3 ? Buffer.from(Array.from({ length: below(60) }, () => below(256))) : Buffer.from(sample)
    for (let n = below(3); n > 0 && data.length > 0; n--) data[below(data.length)] = below(256)
    try {
      unpack(random() < 0.2 ? data.subarray(0, below(data.length + 1)) : data)
    } catch (error) {
      assert.ok(error instanceof UnpackError, String(error))
      refused++
    }
  }
  assert.ok(refused > 10_000 && refused < 49_000, `${refused} refused`)
})

test('random messages of a MessagePack client never end the gateway, and each is answered with a code', async t => {
  const push = await openPush(t, { limits: LIMITS })
  const socket = await RawWebSocket.open(t, push.port, '/v1/stream', 'quotes.v1.msgpack')
  const random = seededRandom(12)
  const below = (n: number) => Math.floor(random() * n)
  const types = ['subscribe', 'update', 'list', 'resync', 'resume', 'auth']
  for (let i = 0; i < 3_000; i++) {
    const message = { type: types[below(6)], id: i, subs: [{ patterns: ['*:*:*'], rows: below(3) }], sid: 'x', pos: [] }
    const data = Buffer.from(encode(message))
    for (let n = below(4); n > 0; n--) data[below(data.length)] = below(256)
    socket.send(clientFrame(OPCODES.binary, data))
  }
  socket.send(clientFrame(OPCODES.binary, Buffer.from(encode({ type: 'list', id: 'last' }))))
  await waitUntil('the last is answered', () => messagesOf(socket).some(({ id }) => id === 'last'))
  const errors = messagesOf(socket).filter(({ type }) => type === 'error')
  assert.ok(errors.length > 1_000)
  assert.deepEqual(
    errors.filter(({ code }) => code === undefined || code === 500),
    []
  )
})
