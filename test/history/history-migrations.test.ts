import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { HISTORY_MIGRATIONS } from '../../lib/history/history-migrations.ts'
import { openHistory } from '../../lib/history/open-history.ts'
import { SqlHistory } from '../../lib/history/sql-history.ts'
import { openSql } from '../../lib/store/open-sql.ts'
import { startMariadb } from '../kit/mariadb.ts'
import { randomQuotes } from './random-quotes.ts'

const KEY = 'demo:spot:BRK.B'
const EVER = { key: KEY, from: 0, to: Number.MAX_SAFE_INTEGER, limit: 10_000 }
const quotes = randomQuotes(1_500, 5)
const expected = quotes
  .filter(quote => quote.key === KEY)
  .sort((a, b) => a.observedTime - b.observedTime || (a.id < b.id ? -1 : 1))

/** Tables of version 1 with rows in them, brought to the newest version. `indexes` names those of `quotes`, in order. */
async function upgrade(t: TestContext, url: string, indexes: string): Promise<void> {
  const client = await openSql(url)
  t.after(() => client.close())
  const names = async () => (await client.query(indexes)).map(({ name }) => name)
  await client.migrate({ ...HISTORY_MIGRATIONS, migrations: HISTORY_MIGRATIONS.migrations.slice(0, 1) })
  assert.deepEqual(await names(), ['quotes_by_series', 'quotes_by_time'])
  await new SqlHistory(client).append(quotes)

  const check = async () => {
    const store = await openHistory(url)
    assert.deepEqual(await names(), ['quotes_by_series'])
    assert.deepEqual(await store.range(EVER), expected)
    assert.equal(await store.count(), 1_500)
    assert.deepEqual(await store.append(quotes), { inserted: 0, collapsed: 1_500 })
    await store.close()
  }
  await check()
  // As after a process that died between the change and its record.
  await client.query("DELETE FROM schema_migrations WHERE component = 'history' AND version > 1")
  await check()
}

test('a history of version 1 on SQLite is brought up to date with its rows, also when that was interrupted', async t => {
  const dir = await mkdtemp(join(tmpdir(), 'quotecast-upgrade-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const indexes = `SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'quotes' AND sql IS NOT NULL ORDER BY name`
  await upgrade(t, `sqlite:${join(dir, 'quotecast.db')}`, indexes)
})

test('a history of version 1 on MariaDB is brought up to date with its rows, also when that was interrupted', async t => {
  const server = await startMariadb(t)
  const indexes = `SELECT DISTINCT index_name AS name FROM information_schema.statistics
    WHERE table_schema = DATABASE() AND table_name = 'quotes' AND index_name <> 'PRIMARY' ORDER BY name`
  await upgrade(t, server.url, indexes)
})
