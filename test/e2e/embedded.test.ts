import assert from 'node:assert/strict'
import { once } from 'node:events'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { markets } from '../../moleculer.config.ts'
import { cleanUp } from '../kit/clean-up.ts'
import { startNode } from '../kit/quotecast-node.ts'
import { waitUntil } from '../kit/wait-until.ts'

const SECOND = 1_000_000

interface Row {
  key: string
  receivedTime: number
}

/** A client that wants every update, from as early as the gateway answers. */
async function followEverything(t: TestContext, port: () => number) {
  const seen: Row[] = []
  let ended = false
  cleanUp(t, () => {
    ended = true
  })
  const connect = async (): Promise<void> => {
    while (!ended) {
      const socket = new WebSocket(`ws://127.0.0.1:${port()}/v1/stream`, 'quotes.v1.json')
      socket.on('error', () => undefined)
      socket.on('message', data => {
        const message = JSON.parse(String(data)) as { type: string; data?: Row[] }
        if (message.type === 'quotes') seen.push(...(message.data ?? []))
      })
      const opened = await Promise.race([
        once(socket, 'open').then(() => true),
        once(socket, 'close').then(() => false)
      ]).catch(() => false)
      if (!opened) {
        await delay(20)
        continue
      }
      const subs = [{ patterns: ['*:*:*'], intervalMs: 0, mode: 'all' }]
      socket.send(JSON.stringify({ type: 'subscribe', id: 1, subs }))
      await once(socket, 'close')
      return
    }
  }
  void connect()
  return seen
}

test('one process without any server: quotes at once, every slot in the history, nothing unwritten at SIGTERM', async t => {
  const began = Date.now()
  let port = 0
  const seen = await followEverything(t, () => port)
  const node = await startNode(t, '', {}, place => {
    port = place.port
    return { HISTORY: `sqlite:${join(place.dir, 'history.db')}` }
  })
  await waitUntil('a client has its first quote', () => seen.length > 0)
  t.diagnostic(`first quote ${Date.now() - began} ms after the start of the process`)

  await delay(10_000)
  const stopped = Date.now()
  assert.equal(await node.stop(), 0, node.output())
  t.diagnostic(`SIGTERM to exit ${Date.now() - stopped} ms`)

  const database = new DatabaseSync(join(node.dir, 'history.db'), { readOnly: true })
  cleanUp(t, () => database.close())
  const slots = database
    .prepare(
      `SELECT k.instrument_key AS key, s.channel, q.slot FROM quotes q
       JOIN series s ON s.id = q.series_id JOIN instrument_keys k ON k.id = q.instrument_id
       WHERE q.slot IS NOT NULL ORDER BY q.slot`
    )
    .all() as { key: string; channel: string; slot: number }[]
  for (const { instruments, poll } of markets.watchlists) {
    for (const key of instruments) {
      for (const { channel, intervalMs } of poll) {
        const stored = slots.filter(row => row.key === key && row.channel === channel).map(row => row.slot)
        const first = stored[0] ?? assert.fail(`${key} ${channel}: no slot stored`)
        const due = Math.floor(((stopped - 1_000) * 1_000 - first) / (intervalMs * 1_000)) + 1
        const expected = Array.from({ length: due }, (_, index) => first + index * intervalMs * 1_000)
        assert.ok(due >= 8, `${key} ${channel}: only ${due} slots were due`)
        assert.ok(first <= began * 1_000 + 3 * SECOND, `${key} ${channel}: the first slot is late`)
        assert.deepEqual(stored.slice(0, due), expected, `${key} ${channel}: every slot once, without a gap`)
      }
    }
  }

  const isStored = database.prepare(
    `SELECT COUNT(*) AS n FROM quotes q JOIN instrument_keys k ON k.id = q.instrument_id
     WHERE k.instrument_key = ? AND q.received_time = ?`
  )
  const lost = seen.filter(({ key, receivedTime }) => Number(isStored.get(key, receivedTime)?.n) === 0)
  const { n } = database.prepare('SELECT COUNT(*) AS n FROM quotes').get() as { n: number }
  t.diagnostic(
    `the client saw ${seen.length} updates, the history holds ${n} quotes, ${lost.length} of the seen are missing`
  )
  assert.deepEqual(lost, [])
})
