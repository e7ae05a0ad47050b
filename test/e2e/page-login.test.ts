import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeApiKey } from '../../lib/access/api-keys.ts'
import { openPage } from '../kit/chromium.ts'
import { startNode } from '../kit/quotecast-node.ts'
import { waitUntil } from '../kit/wait-until.ts'

test('the page of a gateway that wants a login takes an API key, which no address, log or other place gets to know', {
  timeout: 90_000
}, async t => {
  const page = await openPage(t)
  if (page === undefined) return
  const { key, hash } = makeApiKey()
  const wrong = makeApiKey().key
  const node = await startNode(t, '', { LOG_LEVEL: 'debug' }, ({ dir }) => {
    const file = join(dir, 'access.yaml')
    writeFileSync(
      file,
      `plans: { pro: { patterns: ["binance:spot:*"] } }\napiKeys: [{ user: desk, plan: pro, hash: "${hash}" }]\n`
    )
    return { HISTORY: `sqlite:${join(dir, 'history.db')}`, ACCESS: file }
  })
  const base = `http://127.0.0.1:${node.port}`
  await waitUntil('it is ready', async () => (await fetch(`${base}/ready`)).ok)

  const asked: string[] = []
  const said: string[] = []
  const problems: string[] = []
  page.on('request', request => asked.push(`${request.method()} ${request.url()} ${request.postData() ?? ''}`))
  page.on('websocket', socket => {
    asked.push(socket.url())
    socket.on('framesent', ({ payload }) => said.push(String(payload)))
  })
  page.on('framenavigated', frame => asked.push(frame.url()))
  page.on('pageerror', error => problems.push(String(error)))
  page.on('console', message => problems.push(message.text()))

  await page.goto(base)
  const input = page.getByLabel('Token or API key')
  const button = page.getByRole('button', { name: 'Log in' })
  await input.waitFor({ state: 'visible' })
  assert.equal(await input.getAttribute('type'), 'password')
  assert.equal(await page.locator('#rows tr').count(), 0)

  await input.fill(wrong)
  await button.click()
  await page.getByRole('alert').filter({ hasText: 'Not logged in: no such API key' }).waitFor()
  assert.equal(await page.locator('#rows tr').count(), 0)
  assert.equal(await input.inputValue(), '')

  await input.fill(key)
  await input.press('Enter')
  await page.locator('#rows tr').first().waitFor()
  assert.equal(await page.locator('#user').textContent(), 'desk, plan pro')
  assert.equal(await page.locator('#state').textContent(), 'live')

  await page.getByRole('button', { name: 'Log out' }).click()
  await page.locator('#state').filter({ hasText: 'login required' }).waitFor()
  assert.equal(await page.locator('#rows tr').count(), 0)

  const logins = said.filter(text => text.includes(wrong) || text.includes(key))
  assert.deepEqual(
    logins.map(text => JSON.parse(text)),
    [wrong, key].map(text => ({ type: 'auth', key: text, id: 1 }))
  )
  assert.ok(asked.some(text => text.startsWith('ws:')))
  const output = node.output()
  assert.ok(output.includes('gateway: ready'))
  for (const secret of [key, wrong]) {
    assert.deepEqual(
      asked.filter(text => text.includes(secret)),
      []
    )
    assert.ok(!output.includes(secret))
  }
  assert.deepEqual(problems, [])
})
