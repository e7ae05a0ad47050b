import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { request } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import { WebPage } from '../../lib/push/web-page.ts'
import { openPage } from '../kit/chromium.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { makeQuote, OPENING } from './make-quotes.ts'
import { openPush } from './open-push.ts'

const WEB = join(import.meta.dirname, '../../web')
const CLIENT = join(import.meta.dirname, '../../client')
const page = new WebPage(WEB, CLIENT, true)

function handle(incoming: IncomingMessage, response: ServerResponse): void {
  if (page.serve(incoming, response)) return
  response.writeHead(404).end()
}

/** Asks for a path as it is written, without the normalisation of a URL. */
async function ask(
  port: number,
  path: string,
  headers = {}
): Promise<{ status?: number; type?: string; etag?: string; text: string }> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, headers }, response => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', chunk => {
        text += chunk
      })
      response.on('end', () =>
        resolve({
          status: response.statusCode,
          type: response.headers['content-type'],
          etag: response.headers.etag,
          text
        })
      )
    })
      .on('error', reject)
      .end()
  })
}

test('the page and its client are served with their types, TypeScript as JavaScript, and nothing outside their folders', async t => {
  const { port } = await openPush(t, {}, handle)
  const index = await ask(port, '/')
  assert.equal(index.status, 200)
  assert.equal(index.type, 'text/html; charset=utf-8')
  assert.equal((await ask(port, '/', { 'if-none-match': index.etag })).status, 304)
  const script = await ask(port, '/main.ts?x=1')
  assert.equal(script.type, 'text/javascript; charset=utf-8')
  assert.doesNotMatch(script.text, /: string\[\]|<HTMLInputElement>/)
  const client = await ask(port, '/client/index.ts')
  assert.equal(client.type, 'text/javascript; charset=utf-8')
  assert.doesNotMatch(client.text, /export type/)
  for (const path of [
    '/../package.json',
    '/%2e%2e/package.json',
    '/..%2fpackage.json',
    '/tsconfig.json',
    '/web',
    '/client/package.json',
    '/client/../package.json',
    '/client/',
    '//main.ts'
  ])
    assert.equal((await ask(port, path)).status, 404, path)
})

test('the page of a demo market is labelled, that of a real one is not', async t => {
  const real = new WebPage(WEB, CLIENT, false)
  const demoPage = await openPush(t, {}, handle)
  const realPage = await openPush(t, {}, (incoming, response) => void real.serve(incoming, response))
  assert.match((await ask(demoPage.port, '/')).text, /<strong id="demo"[^>]*>DEMO<\/strong>/)
  assert.doesNotMatch((await ask(realPage.port, '/')).text, /demo/i)
})

test('in a browser the table fills, prices change, the filter hides rows, and texts are only texts', {
  timeout: 60_000
}, async t => {
  const browserPage = await openPage(t)
  if (browserPage === undefined) return
  const push = await openPush(t, {}, handle)
  const [A, EVIL] = ['demo:spot:BTC-USDT', 'demo:spot:<img/src=x>']
  push.feed([
    makeQuote(A, OPENING, { last: '50000.10', lastSize: null }),
    makeQuote(EVIL, OPENING, { last: '1', lastSize: null })
  ])
  const problems: string[] = []
  browserPage.on('pageerror', error => problems.push(String(error)))
  browserPage.on('console', message => {
    if (message.type() === 'error') problems.push(message.text())
  })
  await browserPage.goto(`http://127.0.0.1:${push.port}/`)
  const last = browserPage.locator(`tr[data-key="${A}"] [data-column=last]`)
  await browserPage.waitForSelector(`tr[data-key="${A}"]`)
  assert.equal(await last.textContent(), '50000.10')
  assert.equal(await browserPage.locator('#state').textContent(), 'live')
  assert.equal(await browserPage.locator('img').count(), 0)
  await browserPage.locator('#demo').waitFor({ state: 'visible' })
  for (const name of ['#login', '#account']) assert.equal(await browserPage.locator(name).isVisible(), false, name)

  const trouble = { scope: 'source', id: 'demo/stream', since: OPENING, reason: null } as const
  push.hub.sendStatus({ ...trouble, state: 'down' })
  await browserPage.locator('#troubles').waitFor({ state: 'visible' })
  assert.equal(await browserPage.locator('#troubles').textContent(), 'demo/stream: down')
  push.hub.sendStatus({ ...trouble, state: 'ok' })
  await browserPage.locator('#troubles').waitFor({ state: 'hidden' })

  push.feed([
    makeQuote(A, OPENING + 1, { last: '50000.20', lastSize: null }),
    makeQuote(A, OPENING + 2, { channel: '@book', bid: '50000.1', bidSize: '1', ask: '50000.3', askSize: '1' })
  ])
  await browserPage.locator(`tr[data-key="${A}"] [data-column=last].rose`).waitFor()
  assert.equal(await last.textContent(), '50000.20')
  assert.equal(await browserPage.locator(`tr[data-key="${A}"] [data-column=ask]`).textContent(), '50000.3')

  await browserPage.fill('#filter', 'btc spot')
  assert.deepEqual(
    await browserPage.locator('#rows tr:visible').evaluateAll(rows => rows.map(row => row.getAttribute('data-key'))),
    [A]
  )
  assert.equal(await browserPage.locator('#count').textContent(), '1')

  // The connection is cut under the page; it comes back by itself.
  push.connections.forEach(connection => void connection.destroy())
  push.feed([makeQuote(A, OPENING + 3, { last: '7', lastSize: null })])
  await waitUntil('the price came by the new connection', async () => (await last.textContent()) === '7')
  assert.deepEqual(
    problems.filter(text => !/WebSocket/.test(text)),
    []
  )
})
