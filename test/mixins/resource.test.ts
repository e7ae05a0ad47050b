import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { ServiceBroker } from 'moleculer'
import { StoreError, type StoreErrorCode } from '../../lib/store/store-error.ts'
import { type Closable, resource } from '../../mixins/resource.ts'
import { waitUntil } from '../kit/wait-until.ts'

const OPENED: Closable = { close: async () => undefined }

/** A broker with one service whose resource fails so many times before it opens. */
function brokerOf(t: TestContext, failures: number, code: StoreErrorCode) {
  const seen = { attempts: 0, closed: 0 }
  const broker = new ServiceBroker({ logger: false, registry: { stopDelay: 0 } })
  broker.createService({
    name: 'needy',
    mixins: [
      resource('store', async () => {
        seen.attempts++
        if (seen.attempts <= failures) throw new StoreError(code, 'as told')
        return { ...OPENED, close: async () => void seen.closed++ }
      })
    ]
  })
  t.after(() => broker.stop())
  return { broker, seen }
}

test('a server that is away when a service starts is waited for', async t => {
  const { broker, seen } = brokerOf(t, 3, 'connection_lost')
  await broker.start()
  assert.equal(seen.attempts, 4)
  await broker.stop()
  assert.equal(seen.closed, 1)
})

test('what an operator has to mend fails the start at once', async t => {
  const { broker, seen } = brokerOf(t, 1, 'denied')
  await assert.rejects(broker.start(), { code: 'denied' })
  assert.equal(seen.attempts, 1)
})

test('a service that waits can be stopped', async t => {
  const { broker, seen } = brokerOf(t, Number.POSITIVE_INFINITY, 'busy')
  const started = assert.rejects(broker.start(), { code: 'busy' })
  await waitUntil('it tried twice', () => seen.attempts > 1)
  await broker.stop()
  await started
})
