import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { AllowedOrigins } from '../../lib/access/origins.ts'
import { makeAccess, makePlan } from '../access/make-access.ts'
import { openPush } from './open-push.ts'

const APP = 'https://app.test'
const EVIL = 'https://evil.test'
const QUESTION = { 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization' }

async function openFor(t: TestContext, origins: AllowedOrigins) {
  const access = makeAccess({ anonymous: makePlan('visitor', ['*:*:*']), origins })
  const { port } = await openPush(t, { access, isKnown: () => true })
  return async (path: string, origin: string | null, init: RequestInit = {}) => {
    const headers = { ...(origin === null ? {} : { origin }), ...(init.headers as Record<string, string> | undefined) }
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { ...init, headers })
    await response.body?.cancel()
    const allowed = response.headers.get('access-control-allow-origin')
    const credentials = response.headers.get('access-control-allow-credentials')
    assert.equal(credentials, null)
    return { status: response.status, allowed, vary: response.headers.get('vary'), headers: response.headers }
  }
}

test('pages of a listed origin may read quotes and events, other pages may not, and caches know the difference', async t => {
  const ask = await openFor(t, new Set([APP]))
  const events = { headers: { accept: 'text/event-stream' } }
  for (const [path, init] of [
    ['/api/v1/quotes', {}],
    ['/api/v1/quotes/demo:spot:A/history?limit=1', {}],
    ['/v1/stream?keys=demo:spot:A', events]
  ] as const) {
    const good = await ask(path, APP, init)
    assert.deepEqual([good.status, good.allowed, good.vary], [200, APP, 'Origin'], path)
    const bad = await ask(path, EVIL, init)
    assert.deepEqual([bad.allowed, bad.vary], [null, 'Origin'], path)
    const program = await ask(path, null, init)
    assert.deepEqual([program.status, program.allowed, program.vary], [200, null, 'Origin'], path)
  }
})

test('a question beforehand is answered, with what is allowed only for a listed origin', async t => {
  const ask = await openFor(t, new Set([APP]))
  const question = { method: 'OPTIONS', headers: QUESTION }
  const good = await ask('/api/v1/quotes', APP, question)
  assert.deepEqual([good.status, good.allowed, good.headers.get('access-control-allow-methods')], [204, APP, 'GET'])
  assert.match(good.headers.get('access-control-allow-headers') ?? '', /Authorization, X-API-Key/)
  const bad = await ask('/api/v1/quotes', EVIL, question)
  assert.deepEqual([bad.status, bad.allowed, bad.headers.get('access-control-allow-methods')], [204, null, null])
})

test('the administration, health and the page are not for pages of other origins', async t => {
  const ask = await openFor(t, new Set([APP]))
  for (const path of ['/api/v1/admin/sessions', '/health', '/', '/api/v1/quotesx'])
    for (const init of [{}, { method: 'OPTIONS', headers: QUESTION }])
      assert.deepEqual((await ask(path, APP, init)).allowed, null, path)
})

test('where any page may connect, any may read; where nobody has said so, or the own host alone may, none is told that it may', async t => {
  const any = await openFor(t, 'any')
  assert.equal((await any('/api/v1/quotes', EVIL)).allowed, '*')
  for (const origins of ['unsaid', null] as const) {
    const ask = await openFor(t, origins)
    assert.equal((await ask('/api/v1/quotes', APP)).allowed, null)
    assert.equal((await ask('/api/v1/quotes', APP, { method: 'OPTIONS', headers: QUESTION })).allowed, null)
  }
})
