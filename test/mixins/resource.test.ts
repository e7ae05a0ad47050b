import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { ServiceBroker } from 'moleculer'
import { RelayError } from '../../lib/relay/relay-error.ts'
import { StoreError } from '../../lib/store/store-error.ts'
import { type Closable, resource } from '../../mixins/resource.ts'
import { waitUntil } from '../kit/wait-until.ts'

const OPENED: Closable = { close: async () => undefined }

/** A broker with one service whose resource fails so many times before it opens. */
function brokerOf(t: TestContext, failures: number, failure: Error) {
  const seen = { attempts: 0, closed: 0 }
  const broker = new ServiceBroker({ logger: false, registry: { stopDelay: 0 } })
  broker.createService({
    name: 'needy',
    mixins: [
      resource('store', async () => {
        seen.attempts++
        if (seen.attempts <= failures) throw failure
        return { ...OPENED, close: async () => void seen.closed++ }
      })
    ]
  })
  t.after(() => broker.stop())
  return { broker, seen }
}

test('a server that is away when a service starts is waited for, whatever it is the server of', async t => {
  for (const failure of [new StoreError('connection_lost', 'as told'), new RelayError('connection_lost', 'as told')]) {
    const { broker, seen } = brokerOf(t, 3, failure)
    await broker.start()
    assert.equal(seen.attempts, 4)
    await broker.stop()
    assert.equal(seen.closed, 1)
  }
})

test('what an operator has to mend fails the start at once', async t => {
  const { broker, seen } = brokerOf(t, 1, new StoreError('denied', 'as told'))
  await assert.rejects(broker.start(), { code: 'denied' })
  assert.equal(seen.attempts, 1)
})

test('a service that waits can be stopped', async t => {
  const { broker, seen } = brokerOf(t, Number.POSITIVE_INFINITY, new StoreError('busy', 'as told'))
  const started = assert.rejects(broker.start(), { code: 'busy' })
  await waitUntil('it tried twice', () => seen.attempts > 1)
  await broker.stop()
  await started
})
