import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { createConnection } from 'mysql2/promise'
import { MysqlClient } from '../../lib/store/mysql-client.ts'
import { insertStatements } from '../../lib/store/mysql-statements.ts'
import { newSqlCounters } from '../../lib/store/sql-client.ts'
import { startMariadb } from '../kit/mariadb.ts'

const PAIRS = { name: 'pairs', columns: ['id', 'value'] }

test('rows are cut into statements by bytes, in order, and texts are quoted', () => {
  const rows = [
    [1, 'a'],
    [2, "'; DROP TABLE pairs -- \\"],
    [3, null],
    [4, '₮'.repeat(40)]
  ]
  const whole = insertStatements('INSERT', PAIRS, rows, '', 10_000)
  assert.deepEqual(whole, [
    `INSERT INTO pairs (id, value) VALUES (1,'a'),(2,'\\'; DROP TABLE pairs -- \\\\'),(3,NULL),(4,'${'₮'.repeat(40)}')`
  ])
  const cut = insertStatements('INSERT', PAIRS, rows, ' END', 120)
  assert.equal(cut.length, 2, 'the fourth row alone is longer than the room')
  assert.ok(cut.every(sql => sql.startsWith('INSERT INTO pairs (id, value) VALUES (') && sql.endsWith(' END')))
  assert.deepEqual(insertStatements('INSERT', PAIRS, [], '', 100), [])
})

test('a client of MariaDB', async t => {
  const server = await startMariadb(t)
  const counters = newSqlCounters()
  const client = await MysqlClient.open(server.url, counters, 1_000)
  t.after(() => client.close())
  await client.migrate({
    component: 'test',
    migrations: [
      {
        version: 1,
        name: 'pairs',
        sqlite: [],
        mysql: ['CREATE TABLE IF NOT EXISTS pairs (id INT PRIMARY KEY, value DECIMAL(6, 2)) ENGINE = InnoDB']
      }
    ]
  })

  await t.test('what the server would have to bend is an error, not a warning', async () => {
    await assert.rejects(client.insertMissing(PAIRS, [[1, '12345.6']]), { code: 'out_of_domain' })
    await assert.rejects(client.insertMissing(PAIRS, [[1, 'x']]), { code: 'out_of_domain' })
    assert.deepEqual(await client.query('SELECT COUNT(*) AS n FROM pairs'), [{ n: 0 }])
  })

  await t.test('a write that waits too long for a lock is repeated, counted, and then busy', async t => {
    await client.insertMissing(PAIRS, [[1, '1']])
    const patient = await MysqlClient.open(server.url, counters)
    t.after(() => patient.close())
    const other = await createConnection(server.url)
    await other.beginTransaction()
    await other.query('UPDATE pairs SET value = 2 WHERE id = 1')
    const retries = counters.retries
    const waiting = patient.replace(PAIRS, [[1, '3']])
    while (counters.retries === retries) await new Promise(resolve => setTimeout(resolve, 20))
    await other.commit()
    await other.end()
    await waiting
    assert.deepEqual(await client.query('SELECT value FROM pairs'), [{ value: '3.00' }])
  })

  await t.test('a server that hangs is given up in time, and used again when it answers', async () => {
    const pid = Number(await readFile(join(server.dir, 'mariadb.pid'), 'utf8'))
    process.kill(pid, 'SIGSTOP')
    try {
      // Its threads do not stop all at once: some queries may still be answered.
      const ask = async () => {
        for (;;) await client.query('SELECT 1')
      }
      await assert.rejects(ask(), { code: 'connection_lost', retryable: true })
      assert.equal(counters.timeouts, 1)
    } finally {
      process.kill(pid, 'SIGCONT')
    }
    assert.deepEqual(await client.query('SELECT 1 AS one'), [{ one: 1 }])
  })

  await t.test('more calls than its bound are refused as busy', async () => {
    const calls = Array.from({ length: 300 }, () => client.query('SELECT 1'))
    const outcomes = await Promise.allSettled(calls)
    const refused = outcomes.flatMap(outcome => (outcome.status === 'rejected' ? [outcome.reason.code] : []))
    assert.equal(refused.length, 44)
    assert.ok(refused.every(code => code === 'busy'))
  })
})
