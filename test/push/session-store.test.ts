import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { openSessions } from '../../lib/push/open-sessions.ts'
import type { SessionStore, StoredSession } from '../../lib/push/session-store.ts'
import { startRedis } from '../kit/redis.ts'
import { waitUntil } from '../kit/wait-until.ts'

const WINDOW_MS = 60_000
const session = (id: string, tokenHash = 'h'): StoredSession => ({
  id,
  tokenHash,
  subscriptions: [
    {
      sid: 'x',
      keys: ['a:spot:B', 'ä:spot:"'],
      patterns: ['*:*:*'],
      fields: ['last'],
      intervalMs: 5,
      mode: 'all',
      rows: true,
      encoding: 'msgpack'
    }
  ]
})

async function runSuite(t: TestContext, open: (windowMs: number) => Promise<SessionStore>): Promise<void> {
  const opened = async (windowMs = WINDOW_MS) => {
    const store = await open(windowMs)
    t.after(() => store.close())
    return store
  }

  await t.test('a session is given out once, as it was saved last', async () => {
    const store = await opened()
    await store.save({ ...session('s1'), subscriptions: [] })
    await store.save(session('s1'))
    assert.deepEqual(await store.take('s1', 'h'), session('s1'))
    assert.equal(await store.take('s1', 'h'), undefined)
  })

  await t.test('a wrong token gets nothing and leaves the session where it is', async () => {
    const store = await opened()
    await store.save(session('s2'))
    assert.equal(await store.take('s2', 'H'), undefined)
    assert.equal(await store.take('s3', 'h'), undefined)
    assert.deepEqual(await store.take('s2', 'h'), session('s2'))
  })

  await t.test('two that ask at once do not both get it', async () => {
    const store = await opened()
    await store.save(session('s4'))
    const given = await Promise.all([store.take('s4', 'h'), store.take('s4', 'h')])
    assert.equal(given.filter(one => one !== undefined).length, 1)
  })

  await t.test('a session is forgotten after its time, unless it is touched', async () => {
    const store = await opened(400)
    await store.save(session('old'))
    await store.save(session('kept'))
    for (let n = 0; n < 6; n++) {
      await delay(100)
      await store.touch(['kept', 'unknown'])
    }
    assert.equal(await store.take('old', 'h'), undefined)
    assert.deepEqual(await store.take('kept', 'h'), session('kept'))
  })
}

test('sessions in this process', t => runSuite(t, windowMs => openSessions('memory:', '', windowMs)))

test('sessions in Redis', async t => {
  const redis = await startRedis(t)
  await runSuite(t, windowMs => openSessions(redis.url, '', windowMs))

  await t.test('are seen by every gateway of the same namespace only', async t => {
    const [a, b, other] = await Promise.all(['n', 'n', 'm'].map(name => openSessions(redis.url, name, WINDOW_MS)))
    t.after(() => Promise.all([a?.close(), b?.close(), other?.close()]))
    await a?.save(session('s5'))
    assert.equal(await other?.take('s5', 'h'), undefined)
    assert.deepEqual(await b?.take('s5', 'h'), session('s5'))
  })

  await t.test('reject with a retryable error while the server is away, and are there again after it', async t => {
    const store = await openSessions(redis.url, '', WINDOW_MS)
    t.after(() => store.close())
    await redis.kill9()
    await assert.rejects(store.save(session('s6')), { code: 'connection_lost', retryable: true })
    await redis.restart()
    await waitUntil('it saves again', () =>
      store.save(session('s6')).then(
        () => true,
        () => false
      )
    )
    assert.deepEqual(await store.take('s6', 'h'), session('s6'))
  })
})
