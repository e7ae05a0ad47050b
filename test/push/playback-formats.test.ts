import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProtocolClient, type Subprotocol } from '../kit/protocol-client.ts'
import { keysOf, OPENING, RandomMarket, seededRandom } from './make-quotes.ts'
import { errorsOf, expectedRows, inOrder, openStage, untilPlayed, valuesOf } from './play.ts'

const KEYS = keysOf(12)
const QUOTES = new RandomMarket(KEYS, seededRandom(33)).batch(3_000)
const ALL = { time: OPENING - 1_000_000, until: OPENING + 60_000_000, speed: 'max' }
const WAYS = [
  { mode: 'all', intervalMs: 0 },
  { mode: 'all', intervalMs: 50 },
  { mode: 'conflate', intervalMs: 0 },
  { mode: 'conflate', intervalMs: 50 }
]

for (const subprotocol of ['quotes.v1.json', 'quotes.v1.msgpack'] satisfies Subprotocol[]) {
  for (const rows of [false, true]) {
    test(`history plays over ${subprotocol} with rows as ${rows ? 'lists' : 'objects'} in every mode, and each update is in one row`, async t => {
      const stage = await openStage(t, QUOTES)
      const client = await ProtocolClient.connect(t, stage.port, subprotocol)
      const { rows: updates, board } = expectedRows(inOrder(QUOTES))
      const counts = new Map<unknown, number>()
      for (const { key } of updates as { key: string }[]) counts.set(key, (counts.get(key) ?? 0) + 1)
      const ends = WAYS.map(async way => {
        const sid = await client.subscribe({ keys: [KEYS[0]], patterns: ['demo:*:*'], rows, ...way, since: ALL })
        const played = await untilPlayed(client, sid)
        const { rows: shown, merged, q } = client.board(sid)
        assert.deepEqual([played.code, played.q, q], [undefined, QUOTES.length, QUOTES.length])
        assert.deepEqual(new Map([...shown].map(([key, row]) => [key, valuesOf(row)])), board)
        assert.deepEqual(merged, counts)
        if (way.mode === 'all') assert.equal(played.rows, updates.length)
        else assert.ok(Number(played.rows) <= updates.length)
      })
      await Promise.all(ends)
      assert.equal(errorsOf(client), 0)
    })
  }
}
