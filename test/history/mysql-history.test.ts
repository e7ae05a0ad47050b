import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { openHistory } from '../../lib/history/open-history.ts'
import { newSqlCounters } from '../../lib/store/sql-client.ts'
import { StoreError } from '../../lib/store/store-error.ts'
import { startMariadb } from '../kit/mariadb.ts'
import { runHistorySuite } from './history-suite.ts'
import { makeQuotes } from './make-quote.ts'
import { randomQuotes } from './random-quotes.ts'

const NOON = 1_700_000_000_000_000

test('the history on MariaDB', async t => {
  const server = await startMariadb(t)
  await t.test('five nodes that start at once on an empty database all find its tables', async () => {
    const stores = await Promise.all(Array.from({ length: 5 }, () => openHistory(server.url)))
    assert.deepEqual(await Promise.all(stores.map(store => store.count())), [0, 0, 0, 0, 0])
    await Promise.all(stores.map(store => store.close()))
  })
  const counters = newSqlCounters()
  await runHistorySuite(t, () => openHistory(server.url, counters))
  t.diagnostic(`${counters.connections} connections, ${counters.retries} writes repeated after lock conflicts`)
})

test('the history on MariaDB where LOAD DATA is not allowed', async t => {
  const server = await startMariadb(t, { args: ['--local-infile=0'] })
  const counters = newSqlCounters()
  await runHistorySuite(t, () => openHistory(server.url, counters))
  assert.ok(counters.loadsRefused > 0)
})

test('a batch that is longer than the server takes in one packet is stored whole', async t => {
  const server = await startMariadb(t, { args: ['--max-allowed-packet=64K'] })
  const store = await openHistory(server.url)
  t.after(() => store.close())
  assert.deepEqual(await store.append(randomQuotes(4_096, 11)), { inserted: 4_096, collapsed: 0 })
})

test('a wrong password is denied, and neither it nor the URL is told', async t => {
  const server = await startMariadb(t)
  await assert.rejects(openHistory(server.url.replace('p%40ss', 's3cret')), (error: StoreError) => {
    assert.equal(error.code, 'denied')
    assert.equal(error.retryable, true)
    assert.doesNotMatch(`${error.stack} ${JSON.stringify(error)}`, /s3cret/)
    return true
  })
})

test('with the server killed in the middle of appends, what was confirmed is there once, and the rest can be given again', async t => {
  const server = await startMariadb(t)
  const store = await openHistory(server.url)
  t.after(() => store.close())
  const batches = Array.from({ length: 400 }, (_, index) =>
    // Below and above the number of rows from which they go by LOAD DATA.
    makeQuotes(index % 2 === 0 ? 20 : 300, { key: `demo:spot:K${index % 7}`, observedTime: NOON + 300 * index })
  )
  const tally = { confirmed: 0, rejected: 0 }
  let halfway: () => void = () => undefined
  const reachedHalf = new Promise<void>(resolve => {
    halfway = resolve
  })

  /** A consumer of the stream: gives a batch until it is confirmed. */
  const consume = async (worker: number) => {
    for (let index = worker; index < batches.length; index += 4) {
      for (;;) {
        try {
          await store.append(batches[index] ?? [])
          tally.confirmed++
          break
        } catch (error) {
          assert.ok(error instanceof StoreError && error.retryable, String(error))
          tally.rejected++
          await delay(20)
        }
      }
      if (tally.confirmed >= batches.length / 2) halfway()
    }
  }
  const disturb = async () => {
    await reachedHalf
    await server.kill9()
    await assert.rejects(store.append(batches[0] ?? []), { code: 'connection_lost', retryable: true })
    await server.restart()
  }
  await Promise.all([disturb(), ...[0, 1, 2, 3].map(consume)])

  assert.equal(tally.confirmed, 400)
  assert.ok(tally.rejected > 0, 'the kill hit no append')
  assert.equal(await store.count(), 64_000)
  assert.deepEqual(await store.append(batches.flat().slice(0, 4_096)), { inserted: 0, collapsed: 4_096 })
  t.diagnostic(`${tally.confirmed} batches confirmed, ${tally.rejected} rejections, 64000 quotes once, 0 lost`)
})
