import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { openHistory } from '../../lib/history/open-history.ts'
import { openLatest } from '../../lib/latest/open-latest.ts'
import { StoreError } from '../../lib/store/store-error.ts'

test('a URL that no driver can read is refused with a code, and its password is nowhere in the error', async () => {
  for (const password of ['se#cr3t', 'se/cr3t', 'se%zzcr3t']) {
    const address = `user:${password}@127.0.0.1:1`
    for (const opening of [openHistory(`mysql://${address}/db`), openLatest(`redis://${address}/0`)]) {
      await assert.rejects(opening, error => {
        assert.ok(error instanceof StoreError)
        assert.equal(error.code, 'bad_url')
        assert.doesNotMatch(inspect(error, { depth: 9, showHidden: true }), /cr3t/)
        return true
      })
    }
  }
})
