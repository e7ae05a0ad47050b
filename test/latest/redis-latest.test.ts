import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Redis } from 'ioredis'
import { openLatest } from '../../lib/latest/open-latest.ts'
import { newRedisCounters } from '../../lib/store/redis-counters.ts'
import type { StoreError } from '../../lib/store/store-error.ts'
import { makeQuotes } from '../history/make-quote.ts'
import { startRedis } from '../kit/redis.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { runLatestSuite } from './latest-suite.ts'

const KEY = 'demo:spot:BTC-USDT'
const candidates = (from: number, count: number) =>
  makeQuotes(count, { key: KEY, observedTime: from }).map((quote, index) => ({ quote, epoch: 'e', q: from + index }))

test('the latest values in Redis', async t => {
  const server = await startRedis(t)
  await runLatestSuite(t, () => openLatest(server.url, { intervalMs: 1 }))

  await t.test('a deployment touches only names of its own namespace', async t => {
    const redis = new Redis(server.url)
    t.after(() => redis.disconnect())
    const before = new Set(await redis.keys('*'))
    const [a, b] = await Promise.all(['a', 'b'].map(namespace => openLatest(server.url, { namespace })))
    t.after(() => Promise.all([a?.close(), b?.close()]))
    await a?.merge(candidates(1, 1))
    assert.deepEqual(await b?.keys(), [])
    const added = (await redis.keys('*')).filter(name => !before.has(name)).sort()
    assert.deepEqual(added, ['quotecast:a:board:keys', `quotecast:a:board:row:${KEY}`])
  })

  await t.test('a server that was emptied is filled again by what comes', async t => {
    const redis = new Redis(server.url)
    t.after(() => redis.disconnect())
    const store = await openLatest(server.url, { namespace: 'emptied' })
    t.after(() => store.close())
    await store.merge(candidates(1, 1))
    await redis.flushall()
    await redis.script('FLUSH')
    assert.deepEqual(await store.rows([KEY]), [])
    await store.merge(candidates(2, 1))
    assert.deepEqual(await store.keys(), [KEY])
    assert.equal((await store.rows([KEY]))[0]?.candidates.size, 1)
  })
})

test('with the server killed in the middle of merges, calls reject at once, and the store recovers by itself', async t => {
  const server = await startRedis(t)
  const counters = newRedisCounters()
  const store = await openLatest(server.url, { counters })
  t.after(() => store.close())
  await store.merge(candidates(0, 10))
  // Answers nobody from now on, so that the merges are surely under way when it dies.
  const admin = new Redis(server.url, { retryStrategy: () => null })
  t.after(() => admin.disconnect())
  await admin.client('PAUSE', 60_000, 'ALL')
  admin.disconnect()

  const underWay = Promise.allSettled(
    Array.from({ length: 50 }, (_, index) => store.merge(candidates(100 + index, 100)))
  )
  await server.kill9()
  const lost = (await underWay).flatMap(outcome =>
    outcome.status === 'rejected' ? [outcome.reason as StoreError] : []
  )
  assert.equal(lost.length, 50)
  for (const error of lost) assert.deepEqual([error.code, error.retryable], ['connection_lost', true])
  for (const call of [() => store.merge(candidates(500, 1)), () => store.rows([KEY]), () => store.keys()]) {
    await assert.rejects(call, { code: 'connection_lost', retryable: true })
  }

  await server.restart()
  // The stream delivers again what was rejected.
  await waitUntil('a merge succeeds again', () =>
    store.merge(candidates(100, 500)).then(
      () => true,
      () => false
    )
  )
  const [row] = await store.rows([KEY])
  assert.equal(row?.candidates.get('trade|trade')?.quote.observedTime, 599)
  assert.equal(counters.connections, 2)
  t.diagnostic(`${lost.length} of 50 merges rejected, ${counters.errors} connection errors`)
})

test('a wrong password is denied, a server that is away is lost, and no secret is told', async t => {
  const server = await startRedis(t)
  const cases = [
    [server.url.replace('p%40ss', 's3cret'), 'denied'],
    ['redis://:s3cret@127.0.0.1:1/0', 'connection_lost'],
    ['mysql://u:s3cret@h/d', 'bad_url']
  ] as const
  for (const [url, code] of cases) {
    await assert.rejects(openLatest(url), (error: StoreError) => {
      assert.equal(error.code, code, error.message)
      assert.doesNotMatch(`${error.message} ${(error.cause as Error | undefined)?.message}`, /s3cret/)
      return true
    })
  }
})
