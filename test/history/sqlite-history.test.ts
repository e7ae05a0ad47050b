import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { openHistory } from '../../lib/history/open-history.ts'
import { runHistorySuite } from './history-suite.ts'
import { makeQuote } from './make-quote.ts'

async function tempFile(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'quotecast-history-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  return join(dir, 'data', 'quotecast.db')
}

test('the history on SQLite', async t => {
  const file = await tempFile(t)
  await runHistorySuite(t, () => openHistory(`sqlite:${file}`))
})

test('a history in memory works and is forgotten', async () => {
  for (const round of [1, 2]) {
    const store = await openHistory('sqlite::memory:')
    assert.deepEqual(await store.append([makeQuote()]), { inserted: 1, collapsed: 0 }, `round ${round}`)
    await store.close()
  }
})

test('a process killed in the middle of appends has lost nothing that was confirmed', async t => {
  const file = await tempFile(t)
  const child = spawn(process.execPath, [join(import.meta.dirname, 'append-until-killed.ts'), file], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  t.after(() => child.kill('SIGKILL'))
  let confirmed = 0
  for await (const line of createInterface({ input: child.stdout })) {
    confirmed = Number(line)
    if (confirmed >= 2_000) child.kill('SIGKILL')
  }
  if (child.signalCode === null) await once(child, 'exit')
  assert.equal(child.signalCode, 'SIGKILL')

  const store = await openHistory(`sqlite:${file}`)
  t.after(() => store.close())
  const stored = await store.count()
  assert.ok(stored >= confirmed, `confirmed ${confirmed}, stored ${stored}`)
  assert.equal(stored % 100, 0, 'a batch was stored in part')
  t.diagnostic(`${confirmed} quotes confirmed, ${stored} stored`)
})

test('a database that another process has locked is busy, and then works again', async t => {
  const file = await tempFile(t)
  const store = await openHistory(`sqlite:${file}`)
  t.after(() => store.close())
  const other = new DatabaseSync(file)
  other.exec('BEGIN IMMEDIATE')
  await assert.rejects(store.append([makeQuote()]), { code: 'busy', retryable: true })
  other.exec('ROLLBACK')
  other.close()
  assert.deepEqual(await store.append([makeQuote()]), { inserted: 1, collapsed: 0 })
})

test('tables of a newer release are refused', async t => {
  const file = await tempFile(t)
  await (await openHistory(`sqlite:${file}`)).close()
  const other = new DatabaseSync(file)
  other.exec("INSERT INTO schema_migrations (component, version, name) VALUES ('history', 99, 'from the future')")
  other.close()
  await assert.rejects(openHistory(`sqlite:${file}`), {
    code: 'schema',
    message: /expected .*version 2 or older, got 99/
  })
})

test('a file that is no database, and a URL of no known store, are refused', async () => {
  await assert.rejects(openHistory(`sqlite:${import.meta.filename}`), { code: 'schema' })
  for (const url of ['sqlite:', 'postgres://u:s3cret@h/d', 'quotecast.db', '']) {
    await assert.rejects(openHistory(url), (error: Error & { code: string }) => {
      assert.equal(error.code, 'bad_url')
      assert.doesNotMatch(error.message, /s3cret/)
      return true
    })
  }
})
