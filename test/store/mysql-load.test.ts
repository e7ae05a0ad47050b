import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { createConnection } from 'mysql2/promise'
import { MysqlClient } from '../../lib/store/mysql-client.ts'
import { loadText } from '../../lib/store/mysql-load.ts'
import { newSqlCounters, type SqlValue } from '../../lib/store/sql-client.ts'
import { startMariadb } from '../kit/mariadb.ts'

const PAIRS = { name: 'pairs', columns: ['id', 'value'] }

/** Enough rows to go by LOAD DATA. */
function pairs(change: Record<number, string> = {}): SqlValue[][] {
  return Array.from({ length: 300 }, (_, id) => [id, change[id] ?? '1.5'])
}

test('rows are lines of fields between tabs, whose special characters are escaped', () => {
  const rows = [
    [1, 'a', null],
    [-2, 'tab\tnew\nline\\', '\\N'],
    [3, '', '\0\r₮']
  ]
  const text = Buffer.concat(loadText(rows, 1_000_000)).toString()
  assert.equal(text, '1\ta\t\\N\n-2\ttab\\tnew\\nline\\\\\t\\\\N\n3\t\t\\0\r₮\n')
  assert.deepEqual(loadText([], 1_000), [])
})

test('the text is cut into parts that fit into packets', () => {
  const rows = Array.from({ length: 1_000 }, (_, id) => [id, '₮'.repeat(100)])
  const parts = loadText(rows, 65_536)
  assert.ok(parts.length > 1)
  assert.ok(parts.every(part => part.length < 65_536))
  assert.equal(Buffer.concat(parts).toString(), rows.map(row => `${row.join('\t')}\n`).join(''))
})

test('LOAD DATA on MariaDB', async t => {
  const server = await startMariadb(t)
  const counters = newSqlCounters()
  const client = await MysqlClient.open(server.url, counters)
  t.after(() => client.close())
  const create = 'CREATE TABLE IF NOT EXISTS pairs (id INT PRIMARY KEY, value DECIMAL(6, 2) NOT NULL) ENGINE = InnoDB'
  const migrations = [{ version: 1, name: 'pairs', sqlite: [], mysql: [create] }]
  await client.migrate({ component: 'test', migrations })
  const count = async () => (await client.query('SELECT COUNT(*) AS n FROM pairs'))[0]?.n
  const writer = async () => {
    const [row] = await client.query("SHOW GLOBAL STATUS LIKE 'Com_load'")
    return Number(row?.Value)
  }

  await t.test('what the server would have to bend is an error, and nothing is stored', async () => {
    for (const bad of ['12345.6', 'x', '', '1.5 and more']) {
      await assert.rejects(client.insertMissing(PAIRS, pairs({ 123: bad })), { code: 'out_of_domain' }, bad)
    }
    assert.equal(await count(), 0)
  })

  await t.test('many rows go by LOAD DATA, and rows whose key is stored are left alone', async () => {
    const before = await writer()
    assert.equal(await client.insertMissing(PAIRS, [...pairs(), ...pairs({ 7: '9' })]), 300)
    assert.equal(await client.insertMissing(PAIRS, [...pairs({ 8: '9' }), [300, '2']]), 1)
    assert.ok((await writer()) > before)
    assert.equal(await count(), 301)
    assert.deepEqual(await client.query('SELECT COUNT(*) AS n FROM pairs WHERE value = 9'), [{ n: 0 }])
  })

  await t.test('a bad value beside rows whose key is stored is an error still', async () => {
    const rows = [...pairs(), [400, '12345.6'], [401, '1']]
    await assert.rejects(client.insertMissing(PAIRS, rows), { code: 'out_of_domain' })
    assert.equal(await count(), 301)
  })

  await t.test('rows that another transaction is inserting are waited for, and left alone', async () => {
    const other = await createConnection(server.url)
    await other.beginTransaction()
    await other.query('INSERT INTO pairs VALUES (1000, 7), (1001, 7)')
    const retries = counters.retries
    const rows = pairs().map(([id, value]) => [Number(id) + 1_000, value ?? null])
    const waiting = client.insertMissing(PAIRS, rows)
    while (counters.retries === retries) await new Promise(resolve => setTimeout(resolve, 20))
    await other.commit()
    await other.end()
    assert.equal(await waiting, 298)
    assert.deepEqual(await client.query('SELECT COUNT(*) AS n FROM pairs WHERE value = 7'), [{ n: 2 }])
  })

  await t.test('writers of the same rows in opposite orders end, each row stored once', async () => {
    const rows = Array.from({ length: 3_000 }, (_, id) => [id + 10_000, '1'])
    const orders = [rows, rows.toReversed(), rows, rows.toReversed()]
    const inserted = await Promise.all(orders.map(order => client.insertMissing(PAIRS, order)))
    assert.equal(
      inserted.reduce((sum, one) => sum + one),
      3_000
    )
    t.diagnostic(`${counters.retries} writes repeated`)
  })

  await t.test('a server that asks for a file of its own choice gets none', async () => {
    const sql = `LOAD DATA LOCAL INFILE '${join(import.meta.dirname, '../../package.json')}' INTO TABLE pairs`
    await assert.rejects(client.query(sql), { code: 'failed' })
    assert.equal(await client.insertMissing(PAIRS, pairs()), 0)
  })

  await t.test('when the server stops allowing it, rows go by INSERT and that is counted', async () => {
    const root = await createConnection({ user: 'root', socketPath: join(server.dir, 'mariadb.sock') })
    await root.query('SET GLOBAL local_infile = 0')
    await root.end()
    const rows = pairs().map(([id, value]) => [Number(id) + 20_000, value ?? null])
    assert.equal(counters.loadsRefused, 0)
    assert.equal(await client.insertMissing(PAIRS, rows), 300)
    assert.equal(counters.loadsRefused, 1)
    assert.equal(await client.insertMissing(PAIRS, rows), 0)
    assert.equal(counters.loadsRefused, 1)
  })
})
