import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { hash } from 'node:crypto'
import { join } from 'node:path'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { ApiKeys, KEY_HASH, makeApiKey } from '../../lib/access/api-keys.ts'
import { entitlementTo, makeKeyEntry, NOW_S, PRO } from './make-access.ts'

const NOW = NOW_S * 1e6

test('a key says whose it is, until it expires', () => {
  const one = makeKeyEntry('u1', PRO)
  const two = makeKeyEntry('u2', PRO, { entitlement: entitlementTo('okx:spot:*'), expiresAt: NOW + 1 })
  const keys = new ApiKeys([one.entry, two.entry])
  assert.deepEqual(keys.identify(one.key, NOW), {
    user: 'u1',
    plan: PRO,
    entitlement: PRO.entitlement,
    isAdmin: false,
    expiresAt: null
  })
  const { user, entitlement, expiresAt } = keys.identify(two.key, NOW)
  assert.deepEqual([user, entitlement.allows('binance:spot:A'), expiresAt], ['u2', false, NOW + 1])
  assert.throws(() => keys.identify(two.key, NOW + 1), { code: 'auth_failed', message: 'the API key has expired' })
})

test('keys that nobody has, or that no key can be, are refused without being repeated', () => {
  const { entry } = makeKeyEntry('u1', PRO)
  const chosen = { ...entry, hash: hash('sha256', 'password', 'buffer') }
  const keys = new ApiKeys([entry, chosen])
  const { key } = makeApiKey()
  for (const text of [key, `${key}x`, key.slice(0, -1), 'password', '', entry.hash.toString('hex')])
    assert.throws(
      () => keys.identify(text, NOW),
      (error: Error & { code?: string }) =>
        error.code === 'auth_failed' && (text === '' || !error.message.includes(text))
    )
  assert.ok(!inspect(keys, { depth: 9, showHidden: true }).includes(key))
})

test('hashes that begin alike are told apart', () => {
  const { key, entry } = makeKeyEntry('u1', PRO)
  const twin = Buffer.from(entry.hash)
  twin[31] = (twin[31]! + 1) % 256
  assert.equal(new ApiKeys([{ ...entry, user: 'other', hash: twin }, entry]).identify(key, NOW).user, 'u1')
  assert.throws(() => new ApiKeys([{ ...entry, hash: twin }]).identify(key, NOW), { code: 'auth_failed' })
})

test('the command makes a key and the line that the access file takes', () => {
  const command = join(import.meta.dirname, '../../bin/new-key.ts')
  const output = execFileSync(process.execPath, [command, 'desk-7', 'pro'], { encoding: 'utf8' })
  const [key = ''] = /qc_\S+/.exec(output) ?? []
  const [, line = ''] = /hash: "(.*)"/.exec(output) ?? []
  assert.match(line, KEY_HASH)
  const [entry] = [{ ...makeKeyEntry('desk-7', PRO).entry, hash: Buffer.from(line.slice(7), 'hex') }]
  assert.equal(new ApiKeys([entry]).identify(key, NOW).user, 'desk-7')
})
