import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { PayloadCodec } from '../../lib/transport/payload-codec.ts'
import { streamControlOf } from '../../lib/transport/stream-control.ts'
import type { TransporterSetting } from '../../lib/transport/transporter-setting.ts'
import { startNatsServer } from '../kit/nats-server.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { happen, listener, makeNode, quickOptions } from './things.ts'

/** Numbers as four bytes. */
const numberCodec: PayloadCodec = {
  name: 'number.1',
  encode({ n }: { n: number }) {
    if (!Number.isInteger(n)) throw new TypeError(`expected an integer, got ${n}`)
    const data = Buffer.alloc(4)
    data.writeInt32BE(n)
    return data
  },
  decode: (data: Buffer) => ({ n: data.readInt32BE() })
}
const coded = { codecs: { 'thing.happened': numberCodec } }

for (const kind of ['memory', 'jetstream'] as const) {
  const open = async (t: TestContext): Promise<TransporterSetting> =>
    kind === 'memory' ? { kind: 'memory' } : { kind: 'nats', servers: [(await startNatsServer(t)).server] }

  test(`${kind}: a payload goes through its event's codec; one that it refuses is not published`, async t => {
    const first = listener('first')
    const node = await makeNode(t, await open(t), [first.schema], coded)
    await node.start()
    await happen(node, -7)
    await assert.rejects(happen(node, 0.5), { code: 'encode_failed', retryable: false })
    await happen(node, 8)
    await waitUntil('both came', () => first.seen.length >= 2)
    assert.deepEqual(first.numbers(), [-7, 8])
  })
}

test('events that were stored before there was a codec, and under another name of it, are read or buried, never skipped', async t => {
  const nats = await startNatsServer(t)
  const setting: TransporterSetting = { kind: 'nats', servers: [nats.server] }
  const plain = await makeNode(t, setting, [])
  await plain.start()
  await happen(plain, 1)
  const renamed: PayloadCodec = { ...numberCodec, name: 'number.0' }
  const older = await makeNode(t, setting, [], { codecs: { 'thing.happened': renamed } })
  await older.start()
  await happen(older, 2)
  const first = listener('first')
  const node = await makeNode(t, setting, [first.schema], { ...quickOptions, ...coded })
  await node.start()
  await happen(node, 3)
  await waitUntil('two came', () => first.seen.length >= 2)
  assert.deepEqual(first.numbers(), [1, 3])
  await waitUntil('the unreadable one is a dead letter', async () => {
    const { letters } = await streamControlOf(node).deadLetters.page(0, 10)
    return letters.some(
      ({ group, reason, error }) => group === 'first' && reason === 'unreadable' && error.includes('number.0')
    )
  })
})
