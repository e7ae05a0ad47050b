import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findBinary } from '../../lib/cluster/find-binary.ts'

test('an installed command is found, and a missing one is named with its Debian package', async () => {
  assert.equal(await findBinary(process.execPath, 'nodejs'), process.execPath)
  await assert.rejects(
    findBinary('no-such-server', 'no-such-package'),
    /no-such-server.*apt-get install no-such-package/
  )
})
