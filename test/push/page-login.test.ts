import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Page } from 'playwright-core'
import { QuoteClient } from '../../client/index.ts'
import type { AccessConfig } from '../../lib/access/access.ts'
import { WebPage } from '../../lib/push/web-page.ts'
import { makeAccess, makeKeyEntry, makePlan, makeToken, NOW_S, PRO } from '../access/make-access.ts'
import { openPage } from '../kit/chromium.ts'
import { cleanUp } from '../kit/clean-up.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { makeQuote, OPENING } from './make-quotes.ts'
import { ManualClock } from './manual-clock.ts'
import { openPush } from './open-push.ts'

const ROOT = join(import.meta.dirname, '../..')
const page = new WebPage(join(ROOT, 'web'), join(ROOT, 'client'), true)
const [SPOT, PERP] = ['demo:spot:A', 'demo:perp:A'] as const
const VISITOR = makePlan('visitor', ['*:spot:*'])

/** The page of a gateway that has two instruments and whose clock stands still, and what goes wrong in the browser. */
async function openLogin(t: TestContext, browserPage: Page, config: Partial<AccessConfig>) {
  const clock = new ManualClock(NOW_S * 1e6)
  const access = makeAccess(config, clock.nowMicros)
  const push = await openPush(
    t,
    { access, clock, limits: { messagesPerSecond: 1e6, messageBurst: 1e6, pingMs: 1e9 } },
    (incoming, response) => void page.serve(incoming, response)
  )
  push.feed([SPOT, PERP].map((key, i) => makeQuote(key, OPENING + i, { last: '1', lastSize: null })))
  const problems: string[] = []
  browserPage.on('pageerror', error => problems.push(String(error)))
  browserPage.on('console', message => {
    if (message.type() === 'error') problems.push(message.text())
  })
  await browserPage.goto(`http://127.0.0.1:${push.port}/`)
  return { ...push, clock, problems }
}

async function logIn(browserPage: Page, credential: string): Promise<void> {
  await browserPage.getByLabel('Token or API key').fill(credential)
  await browserPage.getByRole('button', { name: 'Log in' }).click()
}

async function waitForRows(browserPage: Page, ...keys: string[]): Promise<void> {
  const rows = browserPage.locator('#rows tr')
  const shown = () => rows.evaluateAll(all => all.map(row => row.getAttribute('data-key')))
  await waitUntil(`the rows are ${keys.join()}`, async () => (await shown()).join() === [...keys].sort().join())
}

/** What the browser would give to this page after a reload. */
async function kept(browserPage: Page): Promise<unknown[]> {
  const stored = await browserPage.evaluate(() => [...Object.values(sessionStorage), ...Object.values(localStorage)])
  return [...stored, ...(await browserPage.context().cookies())]
}

test('where a login is optional the page shows what anonymous may see, more behind a login, and less again after it', {
  timeout: 60_000
}, async t => {
  const browserPage = await openPage(t)
  if (browserPage === undefined) return
  const { key, entry } = makeKeyEntry('desk <b>7</b>', PRO)
  const { problems } = await openLogin(t, browserPage, { anonymous: VISITOR, apiKeys: [entry] })
  await waitForRows(browserPage, SPOT)
  await browserPage.locator('#login').waitFor({ state: 'visible' })
  assert.equal(await browserPage.locator('#account').isVisible(), false)

  await logIn(browserPage, 'qc_no such key')
  await browserPage.getByRole('alert').filter({ hasText: 'expected an API key' }).waitFor()
  await waitForRows(browserPage, SPOT)
  assert.deepEqual(await kept(browserPage), [])

  await logIn(browserPage, key)
  await waitForRows(browserPage, SPOT, PERP)
  assert.equal(await browserPage.locator('#user').textContent(), 'desk <b>7</b>, plan pro')
  assert.equal(await browserPage.locator('#login').isVisible(), false)
  assert.deepEqual(await kept(browserPage), [key])

  await browserPage.reload()
  await waitForRows(browserPage, SPOT, PERP)
  await browserPage.getByRole('button', { name: 'Log out' }).click()
  await waitForRows(browserPage, SPOT)
  assert.equal(await browserPage.locator('#account').isVisible(), false)
  assert.deepEqual(await kept(browserPage), [])
  assert.deepEqual(problems, [])
})

test('where a login is required it takes a token, and when that has expired its rows go and the page asks again', {
  timeout: 60_000
}, async t => {
  const browserPage = await openPage(t)
  if (browserPage === undefined) return
  const { clock, hub, problems } = await openLogin(t, browserPage, {})
  await browserPage.locator('#state').filter({ hasText: 'login required' }).waitFor()
  await waitUntil('the page has let go of the gateway', () => hub.sessions === 0)
  assert.equal(await browserPage.locator('#rows tr').count(), 0)
  assert.equal(await browserPage.locator('#empty').textContent(), 'Log in to see quotes.')

  const token = await makeToken({ sub: 'u9' })
  await logIn(browserPage, token)
  await waitForRows(browserPage, SPOT, PERP)
  assert.equal(await browserPage.locator('#user').textContent(), 'u9, plan pro')
  assert.equal(await browserPage.locator('#empty').isVisible(), false)

  clock.advance(120_000)
  await browserPage.getByRole('alert').filter({ hasText: 'the login has expired' }).waitFor()
  await waitForRows(browserPage)
  assert.deepEqual(await kept(browserPage), [])
  await browserPage.getByLabel('Token or API key').waitFor({ state: 'visible' })

  // A kept credential that is no good any more is told so, and forgotten.
  await browserPage.evaluate(text => sessionStorage.setItem('quotecast.credential', text), token)
  await browserPage.reload()
  await browserPage.getByRole('alert').filter({ hasText: 'Not logged in' }).waitFor()
  await browserPage.locator('#state').filter({ hasText: 'login required' }).waitFor()
  assert.deepEqual(await kept(browserPage), [])
  assert.deepEqual(problems, [])
})

test('a login that is refused for now is tried again until it is let in, and the page says why it waits', {
  timeout: 60_000
}, async t => {
  const browserPage = await openPage(t)
  if (browserPage === undefined) return
  const { key, entry } = makeKeyEntry('desk', { ...PRO, connections: 1 })
  const { port, hub } = await openLogin(t, browserPage, { apiKeys: [entry] })
  const other = new QuoteClient(`http://127.0.0.1:${port}`, { auth: { key } })
  cleanUp(t, () => other.close())
  await waitUntil('the user has the one connection', () => other.state === 'live')
  await logIn(browserPage, key)
  await browserPage.getByRole('alert').filter({ hasText: 'connections' }).waitFor()
  assert.deepEqual(await kept(browserPage), [])
  other.close()
  await waitForRows(browserPage, SPOT, PERP)
  assert.equal(hub.sessions, 1)
  assert.equal(await browserPage.getByRole('alert').filter({ hasText: 'connections' }).isVisible(), false)
})

test('a page whose session is closed for good stays away until its visitor acts', { timeout: 60_000 }, async t => {
  const browserPage = await openPage(t)
  if (browserPage === undefined) return
  const { key, entry } = makeKeyEntry('desk', PRO)
  const { hub } = await openLogin(t, browserPage, { anonymous: VISITOR, apiKeys: [entry] })
  await logIn(browserPage, key)
  await waitForRows(browserPage, SPOT, PERP)
  assert.equal(hub.administration.kick({ user: 'desk' }, false).length, 1)
  await browserPage.locator('#state').filter({ hasText: 'refused (4003)' }).waitFor()
  await waitUntil('its session is gone', () => hub.sessions === 0)
  assert.equal(await browserPage.locator('#login').isVisible(), false)
  await browserPage.getByRole('button', { name: 'Log out' }).click()
  await waitForRows(browserPage, SPOT)
  assert.deepEqual(await kept(browserPage), [])
})

test('rows that were not drawn before a logout are not drawn after it', { timeout: 60_000 }, async t => {
  const browserPage = await openPage(t)
  if (browserPage === undefined) return
  await openLogin(t, browserPage, {})
  const drawn = await browserPage.evaluate(`(async () => {
    const { QuoteTable } = await import('/quote-table.ts')
    const body = document.createElement('tbody')
    const table = new QuoteTable(body, () => {})
    const frame = () => new Promise(resolve => requestAnimationFrame(resolve))
    table.update({ key: 'demo:spot:A', q: 1 })
    await frame()
    const before = body.childElementCount
    table.update({ key: 'demo:spot:B', q: 2 })
    table.reset(new Map())
    await frame()
    return [before, body.childElementCount]
  })()`)
  assert.deepEqual(drawn, [1, 0])
})
