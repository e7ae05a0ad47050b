import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openHistory } from '../../lib/history/open-history.ts'
import { openInstruments } from '../../lib/instruments/open-instruments.ts'
import { startMariadb } from '../kit/mariadb.ts'
import { runInstrumentSuite } from './instrument-suite.ts'

test('the catalogue in memory', t => runInstrumentSuite(t, () => openInstruments('memory:')))

test('the catalogue in SQLite', async t => {
  const dir = await mkdtemp(join(tmpdir(), 'quotecast-instruments-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  await runInstrumentSuite(t, () => openInstruments(`sqlite:${join(dir, 'quotecast.db')}`))
})

test('the catalogue in MariaDB', async t => {
  const server = await startMariadb(t)
  await t.test('it shares a new database with the history, both opened at once by several nodes', async () => {
    const stores = await Promise.all([1, 2, 3].flatMap(() => [openHistory(server.url), openInstruments(server.url)]))
    await Promise.all(stores.map(store => store.close()))
    const again = await openInstruments(server.url)
    assert.deepEqual(await again.search('', 10), [])
    await again.close()
  })
  await runInstrumentSuite(t, () => openInstruments(server.url))
})
